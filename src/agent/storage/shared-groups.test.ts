import { expect, test } from 'vitest';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import type { LvmGroup } from '../../lvm/report.ts';
import { sampleGroup, sampleLocalVolume, sampleVolume } from '../storage-fixture.ts';
import { createSharedGroups } from './shared-groups.ts';

const never = new AbortController().signal;
const group = (names: readonly string[], more: Partial<LvmGroup> = {}): LvmGroup =>
  sampleGroup('pool-0', { uuid: 'g', volumes: names.map((name) => sampleVolume(name)), ...more });
const record = (name: string, nodeName: string, volumeUuid?: string): LocalVolume =>
  sampleLocalVolume({
    meta: { name },
    spec: { nodeName },
    status: { phase: 'Ready', ...(volumeUuid === undefined ? {} : { volumeUuid }) },
  });

/** Node n1, whose volume is `own`; `found` are the LocalVolumes of all nodes, `theirs` the groups that n2 reports. */
function rig(found: readonly LocalVolume[], theirs: readonly string[] = ['g'], told: readonly string[] = []) {
  const asked: string[] = [];
  const reported = [...theirs];
  const volumes = new Map(found.map((volume) => [volume.metadata.name, volume]));
  const groups = createSharedGroups({
    hasObject: ({ name }) => name === 'own',
    nodeName: 'n1',
    find: (name) => {
      asked.push(name);
      return Promise.resolve(volumes.get(name));
    },
    findNode: () => {
      const volumeGroups = reported.map((uuid) => ({ uuid }));
      return Promise.resolve({ status: { nodeStorageInfo: { volumeGroups } } } as NodeLocalStorage);
    },
    told: () => new Set(told),
  });
  const look = (seen: LvmGroup): Promise<boolean> => {
    groups.look(groups.mark({ groups: [seen], orphans: [] }).groups);
    return groups.ask(never);
  };
  const doubt = () => groups.mark({ groups: [group([])], orphans: [] }).groups[0]?.doubt;
  return { asked, volumes, reported, look, doubt };
}

test("a group in which another node's volume appears is that node's, too, until it is not", async () => {
  const it = rig([record('theirs', 'n2', 'lv-theirs')]);
  expect(await it.look(group(['own']))).toBe(false);
  expect(await it.look(group(['own', 'theirs']))).toBe(true);
  expect(it.doubt()).toMatchObject({ reason: 'SharedGroup', recorded: true });
  expect(it.doubt()?.message).toContain("is node n2's, too");
  expect(await it.look(group(['own', 'theirs']))).toBe(false);
  expect(it.doubt()).toBeDefined();
  it.reported.pop();
  expect(await it.look(group(['own', 'theirs']))).toBe(true);
  expect(it.doubt()).toBeUndefined();
});

test('on a machine that was cloned with its disks nothing appears, and nothing is asked', async () => {
  const it = rig([record('theirs', 'n2', 'lv-theirs')]);
  for (let looks = 0; looks < 3; looks += 1) await it.look(group(['own', 'theirs']));
  expect([it.doubt(), it.asked]).toEqual([undefined, []]);
});

test('what was told before holds until the next agent has looked into it', async () => {
  const it = rig([record('theirs', 'n2', 'lv-theirs')], ['g'], ['pool-0']);
  expect(it.doubt()?.message).toContain("is another node's, too");
  expect(await it.look(group(['own', 'theirs']))).toBe(true);
  expect(it.doubt()?.message).toContain("is node n2's, too");

  const over = rig([], ['g'], ['pool-0']);
  expect(await over.look(group(['own']))).toBe(true);
  expect(over.doubt()).toBeUndefined();
  expect(await over.look(group(['own']))).toBe(false);
});

test("another node's volume of which its making is not told yet is asked for again", async () => {
  const it = rig([record('theirs', 'n2')]);
  await it.look(group([]));
  await it.look(group(['theirs']));
  expect(it.doubt()).toBeUndefined();
  it.volumes.set('theirs', record('theirs', 'n2', 'lv-theirs'));
  await it.look(group(['theirs']));
  expect(it.doubt()).toBeDefined();
});

test.each<[string, readonly LocalVolume[], readonly string[], Partial<LvmGroup>]>([
  ['of this node, and not heard of', [record('new', 'n1', 'lv-new')], ['g'], {}],
  ["nobody's", [], ['g'], {}],
  ['another one of its name', [record('new', 'n2', 'lv-other')], ['g'], {}],
  ['of a node that has the group no more', [record('new', 'n2', 'lv-new')], ['other'], {}],
  ["in a group of this machine's alone", [record('new', 'n2', 'lv-new')], ['g'], { systemId: 'n1' }],
])('a volume that appeared and is %s is no sign', async (_, found, theirs, more) => {
  const it = rig(found, theirs);
  await it.look(group([], more));
  await it.look(group(['new'], more));
  expect(it.doubt()).toBeUndefined();
  it.asked.length = 0;
  await it.look(group(['new'], more));
  expect(it.asked).toEqual([]); // and it is asked for no more
});

test('a group that is given to one machine is not in doubt any more', async () => {
  const it = rig([record('theirs', 'n2', 'lv-theirs')]);
  await it.look(group([]));
  await it.look(group(['theirs']));
  expect(it.doubt()).toBeDefined();
  await it.look(group(['theirs'], { systemId: 'n1' }));
  expect(it.doubt()).toBeUndefined();
});
