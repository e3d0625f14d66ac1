import { expect, test } from 'vitest';
import type { NewFilesystem } from '../../mount/filesystem.ts';
import { Code } from '../status.ts';
import { expand, never, publish, rig, stage, unstage, volume, Mode, type Rig } from '../../../test/rig/csi-node.ts';

/** v1 is a snapshot with this filesystem. */
async function shown(type?: NewFilesystem['type']): Promise<Rig & { readonly protected: readonly string[] }> {
  const it = await rig();
  it.volumes.set('v1', volume('v1', { isSnapshot: true }));
  if (type) await it.filesystems.format('/dev/g/v1', { type, uuid: 'of-the-source' }, never);
  const devices: string[] = [];
  it.filesystems.forbidWrites = (device) => Promise.resolve(void devices.push(device));
  it.filesystems.check = () => Promise.reject(new Error('a snapshot is never checked'));
  it.filesystems.format = () => Promise.reject(new Error('a snapshot is never formatted'));
  return { ...it, protected: devices };
}

test.each([
  ['ext4', ['ro']],
  ['xfs', ['nouuid', 'ro']],
] as const)(
  'a snapshot with %s is mounted read-only whatever is asked, and nothing is recorded of it',
  async (type, options) => {
    const it = await shown(type);
    for (const _ of [1, 2]) await stage(it);
    for (const _ of [1, 2]) await publish(it);
    const mounts = await it.mounts.list(never);
    expect(mounts).toMatchObject([{ target: it.staging, fsType: type, options }, { target: it.target }]);
    expect(mounts.every((entry) => entry.options.includes('ro'))).toBe(true);
    expect(it.volumes.get('v1')).toMatchObject({ formatted: undefined, formatting: undefined });
  },
);

test.each<[string, NewFilesystem['type'] | undefined, string, RegExp]>([
  ['without a filesystem', undefined, '', /carries no filesystem/],
  ['with another one than the class asks for', 'xfs', 'ext4', /carries xfs, not the ext4/],
  ['with btrfs', 'btrfs', '', /snapshot-restore: copy/],
])('a snapshot %s is refused, and nothing is mounted', async (_, type, fsType, message) => {
  const it = await shown(type);
  await expect(stage(it, { fsType })).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringMatching(message) as string,
  });
  expect(await it.mounts.list(never)).toEqual([]);
});

test('the device of a snapshot is protected before a pod has it', async () => {
  const it = await shown();
  await stage(it, { block: true });
  expect(it.protected).toEqual(['/dev/g/v1']);
  await publish(it, { block: true });
  expect(await it.mounts.list(never)).toMatchObject([{ options: ['ro'] }]);
});

test('so it is where the kubelet believes after a boot that it is staged, and only publishes it', async () => {
  const it = await shown();
  await publish(it, { block: true });
  expect(it.protected).toEqual(['/dev/g/v1']);
});

test('one that is encrypted is refused: nobody made a header for this volume', async () => {
  const it = await shown();
  it.filesystems.probe = () => Promise.resolve({ kind: 'other', what: 'crypto_LUKS' });
  await expect(stage(it)).rejects.toMatchObject({ details: expect.stringMatching(/is encrypted/) as string });
});

test('one that was taken while its filesystem was being made says so', async () => {
  const it = await shown('xfs');
  it.filesystems.probe = () => Promise.resolve({ kind: 'filesystem', type: 'xfs', uuid: 'u', unfinished: true });
  await expect(stage(it)).rejects.toMatchObject({
    code: Code.FAILED_PRECONDITION,
    details: expect.stringMatching(/while its xfs was being made: .* take another/) as string,
  });
});

test('it does not grow, and several claims for a single writer may share it', async () => {
  const it = await shown('ext4');
  await stage(it);
  await publish(it);
  await expect(expand(it, 1)).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
  it.volumes.set('v2', volume('v2', { isSnapshot: true, source: '/dev/g/v1' }));
  const other = { ...it, staging: `${it.staging}-2`, target: `${it.target}-2` };
  const single = { mode: Mode.SINGLE_NODE_SINGLE_WRITER };
  await stage(other, single, 'v2');
  await publish(other, { ...single, volumeId: 'v2' });
  expect(await it.mounts.list(never)).toHaveLength(4);
  await unstage(it);
});
