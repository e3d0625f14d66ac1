import { expect, test } from 'vitest';
import { mappingPathOf } from '../../crypt/names.ts';
import { Fault } from '../../model/fault.ts';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { silentLog } from '../../model/log.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import { sampleLocalVolume, sampleMount } from '../storage-fixture.ts';
import { flushSources } from './flush-source.ts';

const never = new AbortController().signal;
const mapping = mappingPathOf('v1');
const STAGED = '/kubelet/staged';

const volume = (name: string, spec: Partial<LocalVolume['spec']> = {}): LocalVolume =>
  sampleLocalVolume({ meta: { name }, spec });
const snapshot = (
  name: string,
  of: string,
  more: Partial<LocalVolume> = {},
  spec: Partial<LocalVolume['spec']> = {},
) => ({
  ...volume(name, { role: 'Snapshot', source: { volume: of }, ...spec }),
  ...more,
});
const mounted = (target: string, source: string, fsType = 'ext4'): MountEntry => ({
  ...sampleMount(target, { source }),
  fsType,
});

interface Given {
  readonly volumes?: readonly LocalVolume[];
  readonly entries?: readonly MountEntry[];
  readonly failure?: Fault;
}

/** What is flushed before this snapshot is taken. */
async function flushed(of: LocalVolume, { volumes = [], entries = [], failure }: Given): Promise<readonly string[]> {
  const did: string[] = [];
  const deps = {
    others: new Map([of, ...volumes].map((one) => [one.metadata.name ?? '', one])),
    mounts: {
      list: () => Promise.resolve(entries),
      shows: ({ source }: MountEntry, path: string) => Promise.resolve(source === path),
      unmount: () => Promise.reject(new Error('nothing is unmounted')),
    },
    filesystems: {
      flush: async (path: string) => {
        did.push(path);
        if (failure) throw failure;
      },
    },
    log: silentLog,
  };
  await flushSources(of, deps as never, never);
  return did;
}

const sealed = volume('v1', { encryption: 'luks2' });
const btrfs = volume('v1', { fsType: 'btrfs' });
const s1 = snapshot('s1', 'v1');

test.each<[string, Given, readonly string[]]>([
  ['encrypted', { volumes: [sealed], entries: [mounted(STAGED, mapping), mounted('/pod', mapping)] }, [STAGED]],
  ['encrypted, and a raw device', { volumes: [sealed], entries: [mounted('/pod', mapping, 'devtmpfs')] }, [mapping]],
  ['encrypted, and not in use', { volumes: [sealed] }, []],
  ['a btrfs', { volumes: [btrfs], entries: [mounted(STAGED, '/dev/pool-0/v1', 'btrfs')] }, [STAGED]],
  [
    'an ext4, which the kernel freezes',
    { volumes: [volume('v1', { fsType: 'ext4' })], entries: [mounted(STAGED, '/dev/pool-0/v1')] },
    [],
  ],
  ['gone', { entries: [mounted(STAGED, mapping)] }, []],
])('before a snapshot is taken of a volume that is %s', async (_, given, paths) => {
  expect(await flushed(s1, given)).toEqual(paths);
});

test.each<[string, LocalVolume]>([
  ['that is there', snapshot('s1', 'v1', { status: { phase: 'Ready', sizeBytes: GIB } })],
  ['that is removed', { ...s1, metadata: { ...s1.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
  ['that is none', volume('s1')],
])('nothing is flushed for a snapshot %s', async (_, of) => {
  expect(await flushed(of, { volumes: [sealed], entries: [mounted(STAGED, mapping)] })).toEqual([]);
});

test('a filesystem that cannot be written any more is snapshotted as it is', async () => {
  const failure = new Fault('unavailable', 'sync: error syncing: Input/output error');
  expect(await flushed(s1, { volumes: [sealed], entries: [mounted(STAGED, mapping)], failure })).toEqual([STAGED]);
});

test('the first part of a group snapshot has the volumes of all parts flushed', async () => {
  const part = { groupSnapshot: 'g', groupSources: ['v1', 'v2'] };
  const [first, second] = [snapshot('a', 'v1', {}, part), snapshot('b', 'v2', {}, part)];
  const volumes = [sealed, volume('v2', { fsType: 'btrfs' }), first, second];
  const entries = [mounted(STAGED, mapping), mounted('/other', '/dev/pool-0/v2', 'btrfs')];
  expect(await flushed(first, { volumes, entries })).toEqual([STAGED, '/other']);
  expect(await flushed(second, { volumes, entries })).toEqual([]);
});
