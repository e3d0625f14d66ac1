import { MalformedMessage, MAX_OBJECT_BYTES } from './wire.ts';
import { createWindow } from './window.ts';

export interface FrameSplitter {
  /** The frames that this chunk ends, each until the next call only; throws MalformedMessage when one is too long. */
  push(chunk: Buffer): Generator<Buffer, void, undefined>;
  /** Bytes of the frame that has not ended. */
  readonly pending: number;
}

const LENGTH_BYTES = 4;

/**
 * Cuts a watch's stream into frames, each of which comes after its length:
 * https://github.com/kubernetes/apimachinery/blob/master/pkg/util/framer/framer.go
 */
export function createFrameSplitter(): FrameSplitter {
  const window = createWindow();
  return {
    push: function* (chunk) {
      window.add(chunk);
      while (window.end - window.start >= LENGTH_BYTES) {
        const length = window.bytes.readUInt32BE(window.start);
        if (length > MAX_OBJECT_BYTES)
          throw new MalformedMessage(`a frame of ${length} bytes is longer than any object`);
        const from = window.start + LENGTH_BYTES;
        if (from + length > window.end) return;
        const frame = window.bytes.subarray(from, from + length);
        window.drop(LENGTH_BYTES + length);
        yield frame;
      }
    },
    get pending() {
      return window.end - window.start;
    },
  };
}
