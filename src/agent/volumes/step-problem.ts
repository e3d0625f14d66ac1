import { Fault, textOf } from '../../model/fault.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import { concernsGroup } from '../../lvm/errors.ts';
import type { Erasure, InGroup, VolumeStep } from './volume-step.ts';
import type { VolumeProblem } from './write-volume.ts';

/** What can be done, and go wrong. */
export type Deed = VolumeStep | ({ readonly kind: 'erase' } & Erasure & InGroup);

/** Why lvcreate, lvextend or lvremove failed: by this CreateVolume knows whether to ask elsewhere. */
function reasonOf({ kind: step }: Deed, error: unknown): VolumeReason {
  if (concernsGroup(error)) return 'GroupFaulty';
  const kind = error instanceof Fault ? error.kind : undefined;
  if (kind === 'exhausted') return 'NoSpace';
  if (kind === 'invalid') return 'VolumeInvalid';
  if (kind === 'not-found' && (step === 'create' || step === 'take'))
    return step === 'create' ? 'GroupMissing' : 'SourceMissing';
  if ((step === 'create' || step === 'take') && kind === 'conflict') return 'NotOurs';
  return 'LvmFailed';
}

/** What is told of a deed that failed. */
export function problemOf(step: Deed, error: unknown): VolumeProblem {
  if (step.kind === 'refuse') return { reason: step.reason, message: step.message };
  if (step.kind === 'unstage') return { reason: 'InUse', message: `${step.message} ${textOf(error)}` };
  if (step.kind === 'activate' || step.kind === 'refresh')
    return { reason: 'ActivationFailed', message: textOf(error) };
  if (step.kind === 'wipe' || step.kind === 'erase') return { reason: 'WipeFailed', message: textOf(error) };
  const reason = reasonOf(step, error);
  const isGroupsOwn = step.kind === 'together' && reason === 'LvmFailed';
  return { reason: isGroupsOwn ? 'GroupSnapshotFailed' : reason, message: textOf(error) };
}
