import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { REMOVE_STRAYS } from '../../model/well-known.ts';
import { OUR_TAG } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { createStrayVolumes, objectsIn } from './stray-volumes.ts';

const never = new AbortController().signal;
const volume = (name: string, tags: readonly string[] = [OUR_TAG]): LvmVolume => ({
  ...{ name, uuid: `uuid-of-${name}`, size: bytes(GIB), taken: bytes(GIB), tags, readOnly: false },
  ...{ layout: 'linear', health: '' },
});
const group = (volumes: readonly LvmVolume[], more: Partial<LvmGroup> = {}): LvmGroup =>
  ({ name: 'pool-0', uuid: 'g', foreign: false, exported: false, volumes, ...more }) as LvmGroup;
const nls = (uuids?: string) => ({
  metadata: { name: 'n1', ...(uuids !== undefined && { annotations: { [REMOVE_STRAYS]: uuids } }) },
});

const straysOf = (
  hasObject: Parameters<typeof createStrayVolumes>[0]['hasObject'] = () => false,
  find: Parameters<typeof createStrayVolumes>[0]['find'] = async () => undefined,
) => createStrayVolumes({ hasObject, nodeName: 'n1', label: 'a=b', find });

test('what open-local made and no object speaks of is told once it was seen twice', () => {
  const strays = straysOf(({ name }) => name === 'known');
  const groups = [
    group([volume('known'), volume('left'), volume('somebody-elses', [])]),
    group([volume('foreign')], { foreign: true }),
    group([volume('exported')], { exported: true }),
    group([volume('doubtful')], { doubt: { reason: 'DuplicateName', message: 'two', recorded: true } }),
  ];
  strays.look(groups);
  expect([strays.standings(), strays.isUnsure()]).toEqual([[], true]);
  strays.look(groups);
  expect(strays.isUnsure()).toBe(false);
  expect(strays.standings()).toMatchObject([{ type: 'StrayVolumes', ok: false }]);
  const [{ message } = { message: '' }] = strays.standings();
  expect(message).toContain(': pool-0/left (1 GiB, UUID uuid-of-left). ');
  strays.look([group([volume('known')])]);
  expect([strays.standings(), strays.isUnsure()]).toEqual([[], false]);
});

test('why one is not erased yet is told with it, until it is gone', async () => {
  const strays = straysOf();
  const groups = [group([volume('left')])];
  for (let i = 0; i < 2; i += 1) strays.look(groups);
  const [leaving] = strays.toRemove(nls('uuid-of-left'));
  if (!leaving) throw new Error('it is not to be removed');
  const told = (): string => strays.standings()[0]?.message ?? '';
  const problem = { reason: 'InUse', message: 'it is mounted at /mnt.' } as const;
  expect(await strays.write.problem(leaving, problem, never)).toBe(false);
  expect(told()).toMatch(/ of this object\. pool-0\/left is not erased yet: it is mounted at \/mnt\.$/);
  await strays.write.pending(leaving, 'it waits for its snapshots.', never);
  expect(told()).toMatch(/pool-0\/left is not erased yet: it waits for its snapshots\.$/);
  await strays.write.release(leaving, never);
  expect(told()).not.toContain('not erased yet');
  await strays.write.problem(leaving, problem, never);
  strays.look([]);
  for (let i = 0; i < 2; i += 1) strays.look(groups);
  expect(told()).not.toContain('not erased yet');
});

test('nothing is written of a stray but how its removal goes', async () => {
  const { write } = straysOf();
  await expect(write.markDisk(unmade(), 'naa.1', never)).rejects.toThrow('without an object is removed, no more');
});

test('only a stray that is named by its UUID, and is one still, is to be removed', () => {
  const objects = new Set<string>();
  const strays = straysOf(({ name }) => objects.has(name));
  const groups = [group([volume('left'), volume('kept')])];
  const named = nls('uuid-of-left, uuid-of-nothing');
  strays.look(groups);
  expect(strays.toRemove(named)).toEqual([]);
  strays.look(groups);
  expect([nls(), nls(''), nls('left')].flatMap((each) => strays.toRemove(each))).toEqual([]);
  expect(strays.toRemove(named)).toMatchObject([
    {
      metadata: { name: 'left' },
      spec: { nodeName: 'n1', vgName: 'pool-0' },
      status: { groupUuid: 'g', volumeUuid: 'uuid-of-left' },
    },
  ]);
  objects.add('left');
  expect(strays.toRemove(named)).toEqual([]);
});

test('what an object records by its UUID is no stray, whatever it is called now', () => {
  const volumes = new Map([
    ['v0', { ...record({}, 'uuid-of-another'), metadata: { name: 'v0' } }],
    ['v1', { ...record({}, 'uuid-of-backup'), metadata: { name: 'v1' } }],
  ]);
  const strays = straysOf(objectsIn(volumes));
  const groups = [group([volume('backup'), volume('v1'), volume('left')])];
  for (let i = 0; i < 2; i += 1) strays.look(groups);
  expect(strays.standings()[0]?.message).toContain(': pool-0/left (1 GiB, UUID uuid-of-left). ');
  expect(strays.toRemove(nls('uuid-of-backup, uuid-of-left'))).toMatchObject([{ metadata: { name: 'left' } }]);
});

const record = (spec: Partial<LocalVolume['spec']>, volumeUuid?: string): LocalVolume => ({
  metadata: { name: 'left' },
  spec: { nodeName: 'n9', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', ...spec },
  status: { phase: 'Ready', sizeBytes: GIB, ...(volumeUuid === undefined ? {} : { volumeUuid }) },
});
const unmade = (): LocalVolume => ({ metadata: { name: 'left' }, spec: record({}).spec });

test.each<[string, LocalVolume | undefined, RegExp]>([
  ['nobody', undefined, /^No LocalVolume speaks/],
  ['the node whose disk was moved here', record({}, 'uuid-of-left'), /somebody's.*LocalVolume left of node n9: bring/],
  ['a record without its label', record({ nodeName: 'n1' }, 'uuid-of-left'), /of this node, which lacks the label a=b/],
  ['a record from before UUIDs', record({}), /LocalVolume left of node n9/],
  ['a record from before UUIDs, in another group', record({ vgName: 'pool-1' }), /^No LocalVolume speaks/],
  ['one of its name that is not made yet', unmade(), /^No LocalVolume speaks/],
  ['another volume of its name', record({}, 'another'), /^No LocalVolume speaks/],
  ['a whole disk of its name', record({ kind: 'Device' }), /^No LocalVolume speaks/],
])('a logical volume that no object of the node speaks of is that of %s', async (_, found, want) => {
  const strays = straysOf(undefined, async () => found);
  const groups = [group([volume('left')])];
  strays.look(groups);
  await strays.ask(never);
  strays.look(groups);
  const message = strays.standings()[0]?.message ?? '';
  expect(message).toMatch(want);
  expect(message).toContain('pool-0/left (1 GiB, UUID uuid-of-left)');
  const [leaving] = strays.toRemove(nls('uuid-of-left'));
  if (!leaving) throw new Error('it is not to be removed');
  expect(await strays.isNobodys(leaving, never)).toBe(message.startsWith('No LocalVolume'));
});

test('whose it is is asked once to be told, and anew before anything is erased', async () => {
  let found: LocalVolume | undefined = record({}, 'uuid-of-left');
  let asked = 0;
  const strays = straysOf(undefined, async () => {
    asked += 1;
    return found;
  });
  for (let i = 0; i < 3; i += 1) {
    strays.look([group([volume('left')])]);
    await strays.ask(never);
  }
  expect(asked).toBe(1);
  const [leaving] = strays.toRemove(nls('uuid-of-left'));
  if (!leaving) throw new Error('it is not to be removed');
  expect(await strays.isNobodys(leaving, never)).toBe(false);
  found = undefined;
  expect(await strays.isNobodys(leaving, never)).toBe(true);
  expect(strays.standings()[0]?.message).toMatch(/^No LocalVolume/);
});
