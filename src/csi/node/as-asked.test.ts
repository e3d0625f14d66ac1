import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Fault } from '../../model/fault.ts';
import { Code } from '../status.ts';
import {
  DATA,
  expand,
  Mode,
  mountPoint,
  never,
  publish,
  rig,
  stage,
  unpublish,
  type CapabilityOptions,
  type Rig,
} from '../../../test/rig/csi-node.ts';

const reader = { mode: Mode.SINGLE_NODE_READER_ONLY };
const refused = (code: Code, ...told: readonly string[]) => ({
  code,
  details: expect.stringMatching(
    told.map((part) => part.replace(/[.*+?()[\]]/g, String.raw`\$&`)).join('.*'),
  ) as string,
});
const optionsAt = async ({ mounts }: Rig, path: string): Promise<readonly string[]> =>
  (await mounts.list(never)).find(({ target }) => target === path)?.options ?? [];

test('the same options in other words are the same', async () => {
  const it = await rig();
  await stage(it, { mountFlags: ['noatime,nodev'] });
  await stage(it, { mountFlags: ['defaults', 'nodev', 'noatime', 'rw'] });
  await publish(it, { mountFlags: ['noatime', 'nodev', 'noatime'] });
  expect(await it.mounts.list(never)).toHaveLength(2);
  expect(await optionsAt(it, it.target)).toEqual(['rw', 'noatime', 'nodev']);
});

test.each<[string, CapabilityOptions, CapabilityOptions, string, string]>([
  ['fewer options', { mountFlags: ['noatime'] }, {}, 'noatime', 'relatime'],
  ['more options', {}, { mountFlags: ['noexec'] }, 'exec', 'noexec'],
  ['another filesystem', { fsType: 'ext4' }, { fsType: 'xfs' }, 'ext4', 'xfs'],
  ['our choice instead of another filesystem', { fsType: 'xfs' }, {}, 'xfs', 'ext4'],
  ['a reader instead of a writer', {}, reader, 'rw', 'ro'],
  ['a writer instead of a reader', reader, {}, 'ro', 'rw'],
  ['ro as an option', {}, { mountFlags: ['ro'] }, 'rw', 'ro'],
])('a stage asked again with %s is refused and names both, and so is a publish', async (_, first, then, has, asked) => {
  const it = await rig();
  await stage(it, first);
  const before = await it.mounts.list(never);
  const both = [`is mounted at ${it.staging} with ${has}`, `asked for with ${asked}`];
  await expect(stage(it, then)).rejects.toMatchObject(refused(Code.ALREADY_EXISTS, ...both));
  expect(await it.mounts.list(never)).toEqual(before);
  await stage(it, first);
  expect(await it.mounts.list(never)).toEqual(before);
});

test('a publish with other options than the volume is staged with is refused, and again at the same path', async () => {
  const it = await rig();
  await stage(it, { mountFlags: ['noatime'] });
  const both = [`at ${it.staging} with noatime`, 'asked for with relatime'];
  await expect(publish(it)).rejects.toMatchObject(refused(Code.FAILED_PRECONDITION, ...both));
  await publish(it, { mountFlags: ['noatime'] });
  await expect(publish(it)).rejects.toMatchObject(refused(Code.ALREADY_EXISTS, ...both));
  expect(await it.mounts.list(never)).toHaveLength(2);
});

test('a volume that is staged to be read is not published to be written to', async () => {
  const it = await rig();
  await stage(it, reader);
  await publish(it, reader);
  expect(await optionsAt(it, it.target)).toContain('ro');
  const target = `${it.folder}/pod/other`;
  await expect(publish(it, { target })).rejects.toMatchObject(
    refused(Code.FAILED_PRECONDITION, `mounted read-only at ${it.staging}`),
  );
});

test('a mounted volume is not staged as a device at the same path', async () => {
  const it = await rig();
  await stage(it);
  await expect(stage(it, { block: true })).rejects.toMatchObject(
    refused(Code.ALREADY_EXISTS, `ext4 is mounted at ${it.staging}, not a device`),
  );
});

test.each([
  ['bind', {}],
  ['nouuid', { fsType: 'ext4' }],
  ['remount,noexec', {}],
  ['data=journal', { fsType: 'xfs' }],
])('option %s is refused by name before anything is done', async (option, more) => {
  const it = await rig();
  await expect(stage(it, { ...more, mountFlags: [option] })).rejects.toMatchObject(
    refused(Code.INVALID_ARGUMENT, `mount option "${option.split(',')[0]}"`),
  );
  expect([it.volumes.get('v1')?.formatted, await it.mounts.list(never)]).toEqual([undefined, []]);
});

/** The kernel changes what its table says of the volume's filesystem. */
function showing(it: Rig, ...filesystemOptions: string[]): void {
  const list = it.mounts.list.bind(it.mounts);
  it.mounts.list = async (signal) => (await list(signal)).map((entry) => ({ ...entry, filesystemOptions }));
}

test.each(['ro', 'emergency_ro', 'shutdown'])(
  'a filesystem that the kernel made read-only (%s) is no more given to who wants to write, and is to who reads',
  async (word) => {
    const it = await rig();
    await stage(it);
    await publish(it);
    showing(it, 'rw', word);
    const told = refused(
      Code.FAILED_PRECONDITION,
      'the kernel has made its ext4 on /dev/g/v1',
      'read-only after errors',
    );
    await expect(stage(it)).rejects.toMatchObject(told);
    await expect(publish(it)).rejects.toMatchObject(told);
    await publish(it, { readonly: true, target: `${it.folder}/pod/reader` });
    expect(await it.mounts.list(never)).toHaveLength(3);
  },
);

test('a mount that succeeded and is not in the mount table, or shows something else, is not waved through', async () => {
  const it = await rig();
  const mount = it.mounts.mount.bind(it.mounts);
  it.mounts.mount = () => Promise.resolve();
  const told = refused(Code.UNAVAILABLE, `volume v1: mounted at ${it.staging}, and not to be seen there`);
  await expect(stage(it)).rejects.toMatchObject(told);
  it.mounts.mount = mount;
  const shows = it.mounts.shows.bind(it.mounts);
  it.mounts.shows = () => Promise.resolve(false);
  await expect(stage(it)).rejects.toMatchObject(told);
  it.mounts.shows = shows;
  await stage(it);
});

test('a filesystem that answers with errors is not given to anybody', async () => {
  const it = await rig();
  await stage(it);
  it.filesystems.assertAlive = (target) => Promise.reject(new Fault('precondition', `${target} has stopped`));
  for (const call of [stage, publish])
    await expect(call(it)).rejects.toMatchObject(refused(Code.FAILED_PRECONDITION, `${it.staging} has stopped`));
  expect(await it.mounts.list(never)).toHaveLength(1);
});

test('a filesystem that stopped is mounted anew for the next pod, checked, and never while another pod has it', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  let hasStopped = true;
  it.filesystems.assertAlive = (target) =>
    hasStopped ? Promise.reject(new Fault('precondition', `${target} has stopped`)) : Promise.resolve();
  const mount = it.mounts.mount.bind(it.mounts);
  it.mounts.mount = async (...asked) => {
    await mount(...asked);
    hasStopped = false;
  };
  const checked: string[] = [];
  it.filesystems.check = (device) => Promise.resolve(void checked.push(device));
  const second = { ...it, target: `${it.folder}/pod/second` };
  const told = refused(Code.FAILED_PRECONDITION, `${it.staging} has stopped`);
  for (const call of [stage, publish]) await expect(call(second)).rejects.toMatchObject(told);
  await unpublish(it);
  await publish(second);
  expect((await it.mounts.list(never)).map(({ target }) => target)).toEqual([it.staging, second.target]);
  expect(checked).toEqual(['/dev/g/v1']);
});

test('an inline volume that stopped stays where its pod has it', async () => {
  const it = await rig();
  const staging = `${it.folder}/pods/a/volumes/kubernetes.io~csi/pv/mount`;
  await mkdir(path.dirname(staging), { recursive: true });
  await stage({ ...it, staging });
  it.filesystems.assertAlive = (target) => Promise.reject(new Fault('precondition', `${target} has stopped`));
  it.mounts.unmount = () => Promise.reject(new Error('it is unmounted'));
  const told = refused(Code.FAILED_PRECONDITION, `${staging} has stopped`);
  await expect(stage({ ...it, staging })).rejects.toMatchObject(told);
});

test('what is mounted at a staging path and is not the volume stays there, stopped or not', async () => {
  const it = await rig();
  await stage(it);
  it.filesystems.assertAlive = (target) => Promise.reject(new Fault('precondition', `${target} has stopped`));
  it.mounts.shows = () => Promise.resolve(false);
  for (const call of [stage, publish]) await expect(call(it)).rejects.toBeInstanceOf(Error);
  expect(await it.mounts.list(never)).toHaveLength(1);
});

test('a device that went from under its mounted filesystem is told', async () => {
  const it = await rig();
  await stage(it);
  await publish(it);
  it.devices.delete('/dev/g/v1');
  const gone = refused(Code.FAILED_PRECONDITION, 'its device /dev/g/v1 is missing');
  for (const call of [stage, publish]) await expect(call(it)).rejects.toMatchObject(gone);
  await expect(expand(it, 0)).rejects.toMatchObject(refused(Code.NOT_FOUND, 'its device /dev/g/v1 is missing'));
});

test('a mounted filesystem of its own is bound with the options of a mount, those that it has and those asked for', async () => {
  const it = await rig();
  await mountPoint(it, ['nodev', 'discard']);
  const asked = { fsType: 'ext4', mountFlags: ['noexec'] };
  for (const _ of [1, 2]) await stage(it, asked);
  for (const _ of [1, 2]) await publish(it, asked);
  expect(await optionsAt(it, it.target)).toEqual(['rw', 'nodev', 'discard', 'noexec']);
  await expect(stage(it)).rejects.toMatchObject(refused(Code.ALREADY_EXISTS, 'with noexec', 'asked for with exec'));
  expect(await it.mounts.list(never)).toHaveLength(3);
});

test.each<[string, string[], CapabilityOptions, Code, string]>([
  ['another filesystem', [], { fsType: 'xfs' }, Code.FAILED_PRECONDITION, `ext4 is mounted at ${DATA}, not the xfs`],
  ['to write to what is read-only', ['ro'], {}, Code.FAILED_PRECONDITION, `mounted read-only at ${DATA}`],
  ['an option of the filesystem', [], { mountFlags: ['discard'] }, Code.INVALID_ARGUMENT, 'mounted before'],
  ['one of its own', [], { fsType: 'ext4', mountFlags: ['discard'] }, Code.INVALID_ARGUMENT, 'mounted before'],
  ['a label of SELinux', [], { mountFlags: ['context=a:b:c:s0'] }, Code.INVALID_ARGUMENT, 'mounted before'],
])('a mounted filesystem of its own is refused who asks for %s', async (_, has, asked, code, told) => {
  const it = await rig();
  await mountPoint(it, has);
  await expect(stage(it, asked)).rejects.toMatchObject(refused(code, told));
  expect(await it.mounts.list(never)).toHaveLength(1);
});

test('a mounted filesystem of its own that is read-only is given to who reads', async () => {
  const it = await rig();
  await mountPoint(it, ['ro']);
  await stage(it, reader);
  await publish(it, reader);
  expect(await optionsAt(it, it.target)).toContain('ro');
});

const LABEL = 'context="system_u:object_r:container_file_t:s0:c1,c2"';

test('a label of SELinux is of the mount, and another one is refused', async () => {
  const it = await rig();
  for (const _ of [1, 2]) await stage(it, { mountFlags: [LABEL] });
  await publish(it, { mountFlags: [LABEL] });
  const other = { mountFlags: [LABEL.replace('c2', 'c3')] };
  const both = refused(Code.ALREADY_EXISTS, 'with context=system_u:object_r:container_file_t:s0:c1,c2', ':c1,c3');
  await expect(stage(it, other)).rejects.toMatchObject(both);
  await expect(publish(it, other)).rejects.toMatchObject(both);
  await expect(stage(it)).rejects.toMatchObject(refused(Code.ALREADY_EXISTS, 'asked for with no context='));
});

test('a mount that has the options of another one of the same filesystem is taken down again', async () => {
  const it = await rig();
  const mount = it.mounts.mount.bind(it.mounts);
  it.mounts.mount = (wanted, signal) => mount({ ...wanted, options: ['data=journal'] }, signal);
  await expect(stage(it)).rejects.toMatchObject(
    refused(Code.FAILED_PRECONDITION, 'with data=journal', 'asked for with data=ordered'),
  );
  expect(await it.mounts.list(never)).toEqual([]);
});

test('a mount that left the label out although SELinux is on is taken down again', async () => {
  const it = await rig();
  const mount = it.mounts.mount.bind(it.mounts);
  it.mounts.mount = (wanted, signal) => mount({ ...wanted, options: [] }, signal);
  await stage(it, { mountFlags: [LABEL] }); // as on a node without SELinux
  await it.mounts.unmount(it.staging, never);
  showing(it, 'rw', 'seclabel');
  await expect(stage(it, { mountFlags: [LABEL] })).rejects.toMatchObject(
    refused(Code.FAILED_PRECONDITION, 'mount left context=system_u', 'give its container /sys/fs/selinux'),
  );
  expect(await it.mounts.list(never)).toEqual([]);
});
