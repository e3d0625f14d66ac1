import { expect, test } from 'vitest';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../gen/csi.ts';
import { problemWith } from './capability.ts';

const capability = (mode: Mode): VolumeCapability => ({
  accessMode: { mode },
  accessType: { $case: 'mount', value: { fsType: '', mountFlags: [], volumeMountGroup: '' } },
});

test.each<[string, Mode, string]>([
  ['that claims do not have', Mode.MULTI_NODE_SINGLE_WRITER, 'access mode MULTI_NODE_SINGLE_WRITER is not possible'],
  ['of a newer CSI', 99 as Mode, 'access mode number 99 is not possible'],
])('an access mode %s goes by the name that CSI gave it', (_, mode, told) => {
  expect(problemWith(capability(mode), 'LVM')).toContain(told);
});
