import { Fault } from '../../model/fault.ts';
import { contextDifference, optionDifference, type MountOptions, type Mounted } from '../../model/mount-options.ts';
import { isReadOnly, optionsOf, stateAfterErrors, type MountEntry } from '../../mount/mountinfo.ts';

/** How a volume is to be mounted. */
export interface Wanted extends MountOptions {
  readonly mounted: Mounted;
  /** Empty: any. */
  readonly fsType: string;
}

/**
 * Throws Fault of `kind` that names both when what is mounted has another filesystem or other options than asked for,
 * or, unless it is left out, another `readOnly`. What the mount table does not tell is taken to be as asked.
 */
export function assertAsAsked(
  id: string,
  entry: MountEntry,
  { mounted, fsType, options, readOnly }: Omit<Wanted, 'readOnly'> & Partial<Pick<Wanted, 'readOnly'>>,
  kind: 'conflict' | 'precondition',
): void {
  const difference =
    (fsType !== '' && fsType !== entry.fsType ? { has: entry.fsType, asked: fsType } : undefined) ??
    (readOnly === undefined || isReadOnly(entry) === readOnly
      ? undefined
      : { has: mode(isReadOnly(entry)), asked: mode(readOnly) }) ??
    optionDifference(optionsOf(entry), { options }, mounted);
  if (!difference) return;
  const { has, asked } = difference;
  throw new Fault(
    kind,
    `volume ${id} is mounted at ${entry.target} with ${has}, and is asked for with ${asked}: ` +
      'end every pod that has it, so that it is unmounted before',
  );
}

const mode = (readOnly: boolean): string => (readOnly ? 'ro' : 'rw');

/** Throws Fault `precondition` when nothing can be written to a mounted filesystem, and says why. */
export function assertWritable(id: string, entry: MountEntry): void {
  const { target, fsType, source } = entry;
  if (isReadOnly(entry))
    throw new Fault(
      'precondition',
      `volume ${id} is mounted read-only at ${target}, and is asked for to be written to`,
    );
  if (stateAfterErrors(entry) === undefined) return;
  throw new Fault(
    'precondition',
    `volume ${id}: the kernel has made its ${fsType} on ${source}, mounted at ${target}, read-only after errors: see the ` +
      'kernel log; end every pod that has it, so that it is unmounted, checked and mounted again',
  );
}

/** Throws Fault `precondition` when SELinux is on and a new mount did not get the label that was asked for. */
export function assertLabelled(id: string, entry: MountEntry, options: readonly string[]): void {
  const difference = contextDifference(optionsOf(entry), options);
  if (!difference) return;
  throw new Fault(
    'precondition',
    `volume ${id}: mount left ${difference.asked} out, since the agent does not see SELinux: give its container ` +
      '/sys/fs/selinux and /etc/selinux of the node',
  );
}
