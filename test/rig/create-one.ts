import type { NewVolume } from '../../src/lvm/argv.ts';
import type { Lvm } from '../../src/lvm/lvm.ts';

/** Makes one volume; throws what went wrong. */
export async function createOne(lvm: Lvm, volume: NewVolume, signal: AbortSignal): Promise<void> {
  const [result] = await lvm.createVolumes([volume], signal);
  if (result?.status === 'rejected') throw result.reason;
}
