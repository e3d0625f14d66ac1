import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeRun } from '../exec/fake-run.ts';
import { createHost } from './host.ts';

const never = new AbortController().signal;
let machine: string;
beforeEach(async () => {
  machine = await mkdtemp(path.join(tmpdir(), 'open-local-host-'));
});
afterEach(() => rm(machine, { recursive: true, force: true }));

async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(machine, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

function hostOf(now = () => 0) {
  const folders = {
    root: path.join(machine, 'root'),
    sys: path.join(machine, 'sys'),
    proc: path.join(machine, 'proc'),
    cgroup: path.join(machine, 'cgroup'),
  };
  const { run } = createFakeRun(() => '  LVM version:     2.03.31(2) (2025-02-27)\n');
  return createHost({ run, folders, now });
}

test('a machine with everything to say', async () => {
  const modules = `root/lib/modules/${release()}`;
  await put({
    'proc/1/cmdline': '/sbin/init\0',
    'proc/77/cmdline': '/usr/bin/kubelet\0--root-dir=/data/kubelet\0',
    'proc/filesystems': '\text4\n',
    'sys/module/dm_mod/refcnt': '1',
    [`${modules}/modules.dep`]: 'kernel/drivers/md/dm-snapshot.ko:\nkernel/fs/xfs/xfs.ko:\n',
    [`${modules}/modules.builtin`]: '',
    'cgroup/cgroup.controllers': 'cpuset cpu io memory\n',
    'cgroup/kubepods.slice/io.max': '',
    'root/etc/lvm/lvm.conf': 'devices { global_filter = [ "r|^/dev/sdz$|" ] }\n',
    'root/etc/lvm/devices/system.devices': 'IDTYPE=devname IDNAME=/dev/sda DEVNAME=/dev/sda PVID=aaaabbbb\n',
    'root/run/lvm/lvmetad.socket': '',
  });
  const { hides, ...facts } = await hostOf().read(never);
  expect(facts).toEqual({
    kernel: release(),
    lvmVersion: '2.03.31(2)',
    loadable: ['dm_snapshot', 'xfs'],
    missing: ['dm_crypt', 'btrfs'],
    cgroup: { version: 2, io: true, driver: 'systemd' },
    kubeletFolder: '/data/kubelet',
    lvmetad: true,
  });
  expect(hides(['/dev/sda'], 'aaaa-bbbb')).toBeUndefined();
  expect(hides(['/dev/sdb'], 'cccc-dddd')).toBe('devices file');
  expect(hides(['/dev/sdz'], 'aaaa-bbbb')).toBe('filter');
});

test('the folder of a kubelet that conceals its arguments is where volumes of pods are mounted, by the name it is given', async () => {
  const target = '/data/kubelet/pods/0a1b2c3d-1111-2222-3333-444455556666/volumes/kubernetes.io~projected/token';
  await put({
    'proc/1/cmdline': '/sbin/init\0',
    'proc/1/mountinfo': `30 1 0:30 / ${target} rw shared:1 - tmpfs tmpfs rw\n`,
    'proc/77/cmdline': '/usr/local/bin/k3s server\0\0\0\0',
    'root/var/lib/x': '',
  });
  expect((await hostOf().read(never)).kubeletFolder).toBe('/data/kubelet');
  await symlink('/data/kubelet', path.join(machine, 'root/var/lib/kubelet'));
  expect((await hostOf().read(never)).kubeletFolder).toBe('/var/lib/kubelet');
});

test('a machine of which little can be read says little, and hides nothing', async () => {
  await put({ 'proc/1/cmdline': '', 'cgroup/blkio/blkio.throttle.read_bps_device': '' });
  const { hides, ...facts } = await hostOf().read(never);
  expect(facts).toEqual({
    kernel: release(),
    lvmVersion: '2.03.31(2)',
    loadable: [],
    missing: [],
    cgroup: { version: 1, io: true },
    lvmetad: false,
  });
  expect(hides(['/dev/sdb'], 'x')).toBeUndefined();
});

test('what was mended is seen soon, and not every moment', async () => {
  await put({ 'proc/1/cmdline': '', 'root/run/lvm/lvmetad.socket': '' });
  let now = 0;
  const host = hostOf(() => now);
  expect((await host.read(never)).lvmetad).toBe(true);
  await rm(path.join(machine, 'root/run/lvm'), { recursive: true });
  now = 10_000;
  expect((await host.read(never)).lvmetad).toBe(true);
  now = 30_000;
  expect((await host.read(never)).lvmetad).toBe(false);
});
