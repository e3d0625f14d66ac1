import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import { DATA, expand, mountPoint, never, publish, rig, stage, volume } from '../../../test/rig/csi-node.ts';

test('what open-local mounted straight at the pod’s path is staged beside it, published there again, and grown', async () => {
  const it = await rig();
  const { source } = volume('v1');
  await it.filesystems.format(source, { type: 'ext4', uuid: '00000000-0000-4000-8000-000000000001' }, never);
  await it.mounts.mount({ source, target: it.target, fsType: 'ext4', options: [] }, never);
  it.volumes.set('v1', volume('v1', { isAdopted: true }));
  it.devices.set(source, 2 * GIB);
  await expand(it, 2 * GIB);
  // A kubelet that was started anew asks for both again.
  await stage(it);
  await publish(it);
  expect((await it.mounts.list(never)).map(({ target }) => target).toSorted()).toEqual(
    [it.target, it.staging].toSorted(),
  );
});

test('an adopted volume keeps mount options that no new volume can have; a new one is refused', async () => {
  const it = await rig();
  const access = { mountFlags: ['noatime', 'norecovery'] };
  await expect(stage(it, access)).rejects.toMatchObject({ details: expect.stringContaining('"norecovery"') as string });
  it.volumes.set('v1', volume('v1', { isAdopted: true }));
  await stage(it, access);
  await publish(it, access);
  const options = (await it.mounts.list(never)).find(({ target }) => target === it.staging)?.options;
  expect(options).toEqual(['rw', 'noatime', 'norecovery']);
});

test('an adopted mount point is served whatever filesystem its class names, as it always was', async () => {
  const it = await rig();
  await mountPoint(it);
  const access = { fsType: 'xfs', mountFlags: ['discard'] };
  await expect(stage(it, { fsType: 'xfs' })).rejects.toMatchObject({
    details: expect.stringContaining('ext4') as string,
  });
  it.volumes.set('v1', volume('v1', { kind: 'MountPoint', source: DATA, isAdopted: true }));
  await stage(it, access);
  await publish(it, access);
  expect((await it.mounts.list(never)).map(({ target }) => target)).toContain(it.target);
});
