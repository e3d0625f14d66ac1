import { openEnvelope, partsOf, type Enveloped } from './envelope.ts';

export interface FramedEvent {
  readonly type: string;
  /** A Status in an event of type ERROR. */
  readonly object: Enveloped;
}

/** Fields of metav1.WatchEvent, and the only one of the runtime.RawExtension in it. */
const [TYPE, OBJECT, RAW] = [1, 2, 1];

/** Reads a frame of a watch, a bare metav1.WatchEvent; throws MalformedMessage. */
export function readWatchEvent(frame: Buffer): FramedEvent {
  const { [TYPE]: type, [OBJECT]: object } = partsOf(frame, 0, frame.length);
  const { [RAW]: raw } = object ? partsOf(frame, object.start, object.end) : {};
  return {
    type: type ? frame.toString('utf8', type.start, type.end) : '',
    object: openEnvelope(frame, raw?.start ?? frame.length, raw?.end),
  };
}
