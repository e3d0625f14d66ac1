import { Fault, textOf, type FaultKind } from '../../model/fault.ts';

interface Cause {
  readonly kind: FaultKind;
  readonly what: string;
  readonly todo: string;
}

const DEAD: Cause = {
  kind: 'unavailable',
  what: 'the filesystem that it lies on, or that is mounted there, does not answer',
  todo: 'bring its disk or server back, or unmount it',
};
const FORBIDDEN: Cause = {
  kind: 'precondition',
  what: 'the agent may not do that',
  todo: 'run it as root and privileged, and look for denials of SELinux or AppArmor and for `chattr +i`',
};
const SCARCE: Cause = { kind: 'unavailable', what: 'the system is short of it', todo: 'it is tried again' };
const FULL: Cause = {
  kind: 'exhausted',
  what: 'its filesystem has no room or no inode left',
  todo: 'free some on the node',
};

/**
 * What the error numbers of calls on a path of the kubelet's mean to whoever has to mend it: errno(3) and the pages of
 * mkdir(2), open(2), rmdir(2) and unlink(2).
 */
const CAUSES: Readonly<Record<string, Cause>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: {
    kind: 'precondition',
    what: 'its filesystem is read-only',
    todo: 'see in the kernel log why, and make it writable again',
  },
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  ENOTDIR: {
    kind: 'precondition',
    what: 'a part of the path is not a folder',
    todo: 'see what is there, and move it away',
  },
  ENOENT: {
    kind: 'precondition',
    what: 'the folder above it is not there',
    todo: "the kubelet makes it: see that the kubelet's root folder is in the agent's container, by the same path",
  },
  ENAMETOOLONG: {
    kind: 'invalid',
    what: 'the path, or a name in it, is too long',
    todo: 'names have up to 255 bytes, paths up to 4095',
  },
  ELOOP: { kind: 'precondition', what: 'links in the path lead in a circle', todo: 'mend or remove the links' },
  EIO: DEAD,
  ESTALE: DEAD,
  ENOTCONN: DEAD,
  ESHUTDOWN: DEAD,
  EHOSTDOWN: DEAD,
  ETIMEDOUT: DEAD,
  EMFILE: SCARCE,
  ENFILE: SCARCE,
  ENOMEM: SCARCE,
  EBUSY: { kind: 'unavailable', what: 'it is in use', todo: 'end what uses it; it is tried again' },
  ENOTEMPTY: {
    kind: 'unavailable',
    what: 'it is not empty',
    todo: 'nothing in it is removed: see what it is, and move it away',
  },
};

/**
 * The Fault for a call on a path that failed, which names the path, the cause and what to do. `verb` is what could not
 * be done: `made`, `removed`. What is no error of the system is thrown as it is.
 */
export function pathFault(verb: string, path: string, error: unknown): Fault {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw error;
  const { kind, what, todo } = CAUSES[code] ?? {
    kind: 'unavailable',
    what: textOf(error),
    todo: 'it is tried again',
  };
  return new Fault(kind, `${path} cannot be ${verb}: ${what} (${code}): ${todo}`, { cause: error });
}
