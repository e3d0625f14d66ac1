import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** A block device or file that is read or written past the page cache, which would lose what programs need for it. */
export interface Uncached extends AsyncDisposable {
  readonly path: string;
  readonly isBlockDevice: boolean;
  /** Fills all of `data` from this offset. Throws when there is not as much. */
  read(data: Buffer, at: number): Promise<void>;
  write(data: Buffer, at: number): Promise<void>;
  /** Waits until the disk has for good what was written. */
  sync(): Promise<void>;
}

/** What every disk takes as the unit of direct IO: open(2), O_DIRECT. */
const ALIGNMENT = 4096;

/** As far as it is used here: the types of Node have none of it. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

/**
 * Memory that begins at a page, as direct IO needs it: of all that V8 allocates only WebAssembly's is sure to. Zeros at
 * first.
 */
export function pageAligned(bytes: number): Buffer {
  const pages = Math.ceil(bytes / 65_536);
  return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer, 0, bytes);
}

/**
 * A device that is written is opened for us alone: throws EBUSY while it is mounted or part of something. What is not
 * whole pages, and filesystems that have no direct IO, go through the cache.
 */
export async function openUncached(path: string, how: 'read' | 'write'): Promise<Uncached> {
  await using opening = new AsyncDisposableStack();
  const flags = how === 'read' ? constants.O_RDONLY : constants.O_WRONLY;
  const cached = await open(path, flags);
  opening.defer(() => cached.close());
  const isBlockDevice = (await cached.stat()).isBlockDevice();
  const alone = how === 'write' && isBlockDevice ? constants.O_EXCL : 0;
  const direct = await openDirect(path, flags | alone);
  if (direct) opening.defer(() => direct.close());
  const handleFor = (data: Buffer, at: number): FileHandle =>
    direct && at % ALIGNMENT === 0 && data.length % ALIGNMENT === 0 ? direct : cached;
  const closing = opening.move();
  return {
    path,
    isBlockDevice,
    read: async (data, at) => {
      for (let done = 0; done < data.length;) {
        const { bytesRead } = await handleFor(data, at).read(data, done, data.length - done, at + done);
        if (bytesRead === 0) throw new Error(`it ends at byte ${at + done}`);
        done += bytesRead;
      }
    },
    write: async (data, at) => {
      for (let done = 0; done < data.length;) {
        const { bytesWritten } = await handleFor(data, at).write(data, done, data.length - done, at + done);
        done += bytesWritten;
      }
    },
    sync: () => cached.datasync(),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Undefined where the filesystem has no direct IO. */
async function openDirect(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags | constants.O_DIRECT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}
