import { expect, test } from 'vitest';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { newDeviceMark } from '../../lvm/device-mark.ts';
import type { LvmGroup } from '../../lvm/report.ts';
import { sampleGroup, sampleLocalVolume } from '../storage-fixture.ts';
import { knownGroups, recordGroups, withDoubts } from './group-doubt.ts';

const group = (uuid: string, name = 'pool-0') =>
  sampleGroup(name, { uuid, devices: sampleGroup(name).devices.map((pv) => ({ ...pv, device: `/dev/${uuid}` })) });
const doubtsOf = (known: Readonly<Record<string, string>>, ...groups: ReturnType<typeof group>[]) =>
  withDoubts(groups, new Map(Object.entries(known))).map(({ doubt }) => doubt);

test('a group that was never seen, or has the UUID it had, is not in doubt', () => {
  expect(doubtsOf({}, group('a'), group('b', 'pool-1'))).toEqual([undefined, undefined]);
  expect(doubtsOf({ 'pool-0': 'a' }, group('a'))).toEqual([undefined]);
});

test('of two groups of one name both are in doubt, and it is said where they are and which was recorded', () => {
  const [first, second] = doubtsOf({ 'pool-0': 'b' }, group('a'), group('b'));
  expect([first?.recorded, second?.recorded]).toEqual([false, true]);
  expect(second?.reason).toBe('DuplicateName');
  expect(second?.message).toMatch(/a on \/dev\/a and b on \/dev\/b\. The node’s is b; .*vgrename UUID NEWNAME/);
  const [unknown] = doubtsOf({}, group('a'), group('b'));
  expect(unknown).toMatchObject({ recorded: false, message: expect.stringContaining('None of them') as string });
  const [gone] = doubtsOf({ 'pool-0': 'c' }, group('a'), group('b'));
  expect(gone?.message).toContain('The node’s is c, which is not there');
});

test('a group that has taken the name of another is in doubt', () => {
  const [doubt] = doubtsOf({ 'pool-0': 'mine' }, group('a'));
  expect(doubt).toMatchObject({ reason: 'OtherGroup', recorded: false });
  expect(doubt?.message).toMatch(/a on \/dev\/a has its name, and mine had it.*vgrename a NEWNAME/);
});

test('a group whose disk is there twice is in doubt, and it is said where the copy is and which is used', () => {
  const doubtIn = (uuid: string, known: ReadonlyMap<string, string>) =>
    withDoubts([group('a')], known, { copies: [{ device: '/dev/copy', uuid }] })[0]?.doubt;
  const doubt = doubtIn('pv-pool-0', new Map([['pool-0', 'a']]));
  expect(doubt).toMatchObject({ reason: 'DuplicateDevice', recorded: true });
  expect(doubt?.message).toMatch(/also on \/dev\/copy \(LVM uses \/dev\/a now\)\..*vgimportclone DEVICE/);
  expect(doubtIn('pv-pool-0', new Map())).toMatchObject({ recorded: false });
  expect(doubtIn('pv-other', new Map([['pool-0', 'a']]))).toBeUndefined();
});

test('a group that machines share under the locks of lvmlockd is in doubt, be it recorded or not', () => {
  const doubtIn = (known: Readonly<Record<string, string>>) =>
    withDoubts([{ ...group('a'), shared: true }], new Map(Object.entries(known)))[0]?.doubt;
  expect(doubtIn({ 'pool-0': 'a' })).toMatchObject({ reason: 'SharedGroup', recorded: true });
  expect(doubtIn({})).toMatchObject({ recorded: false });
  expect(doubtIn({})?.message).toMatch(
    /pool-0 \(a\) .* lvmlockd,.*vgchange --lock-type none pool-0, and with --lock-opt force/,
  );
  expect(doubtIn({ 'pool-0': 'mine' })).toMatchObject({ reason: 'OtherGroup' });
});

test('a group that has lost volumes that are active is in doubt, and it is said which', () => {
  const forgotten = [
    { groupUuid: 'a', name: 'v2' },
    { groupUuid: 'a', name: 'v1' },
    { groupUuid: 'b', name: 'v3' },
  ];
  const [doubt, other] = withDoubts([group('a'), group('c', 'pool-1')], new Map([['pool-0', 'a']]), { forgotten });
  expect(doubt?.doubt).toMatchObject({ reason: 'MetadataLost', recorded: true });
  expect(doubt?.doubt?.message).toContain('has lost v1, v2, which this node has active');
  expect(other?.doubt).toBeUndefined();
});

test('a group that lost volumes which are not active is in doubt, and it is said how they come back', () => {
  const seen = { ...group('a'), lost: { names: ['v2', 'v1'], file: '/kept/pool-0', newer: [] as string[] } };
  const doubtOf = (forgotten: readonly { groupUuid: string; name: string }[]) =>
    withDoubts([seen], new Map([['pool-0', 'a']]), { forgotten })[0]?.doubt;
  expect(doubtOf([])).toMatchObject({ reason: 'MetadataLost', recorded: true });
  expect(doubtOf([])?.message).toContain('has lost v1, v2, which it had when the agent last changed it:');
  expect(doubtOf([])?.message).toContain('while no pod uses the group (vgcfgrestore --file /kept/pool-0 pool-0)');
  expect(doubtOf([])?.message).not.toContain('That state does not have');
  seen.lost.newer.push('v4', 'v3');
  expect(doubtOf([])?.message).toContain('That state does not have v3, v4: save first what is there, too.');
  const both = doubtOf([{ groupUuid: 'a', name: 'v1' }])?.message;
  expect(both).toContain(
    'has lost v1, which this node has active, and v2, which it had when the agent last changed it:',
  );
});

test('a group that was made here since the start of the machine takes the place of one that is lost', () => {
  const made = (boot: string, name = 'pool-0') => ({
    ...group('a'),
    devices: group('a').devices.map((pv) => ({ ...pv, uuid: newDeviceMark(name, boot) })),
  });
  const known = new Map([['pool-0', 'lost']]);
  const doubtsIn = (...groups: LvmGroup[]) =>
    withDoubts(groups, known, { boot: 'now' }).map(({ doubt }) => doubt?.reason);
  expect(doubtsIn(made('now'))).toEqual([undefined]);
  expect(doubtsIn(made('before'))).toEqual(['OtherGroup']);
  expect(doubtsIn(made('now', 'other'))).toEqual(['OtherGroup']);
  expect(doubtsIn(made('now'), group('lost'))).toEqual(['DuplicateName', 'DuplicateName']);
});

test('what a name means is told by the status, and by volumes where that says nothing', () => {
  const made = (vgName: string, groupUuid: string) => sampleLocalVolume({ spec: { vgName }, status: { groupUuid } });
  const volumes = [made('pool-0', 'other'), made('pool-1', 'b'), sampleLocalVolume({ spec: { vgName: 'pool-2' } })];
  const known = knownGroups({ knownGroups: [{ name: 'pool-0', uuid: 'a' }] }, volumes);
  expect([...known]).toEqual([
    ['pool-0', 'a'],
    ['pool-1', 'b'],
  ]);
});

const nls = (spec: NodeLocalStorage['spec'], ...known: readonly [string, string][]): NodeLocalStorage => ({
  metadata: { name: 'node-a' },
  spec: spec ?? {},
  status: { knownGroups: known.map(([name, uuid]) => ({ name, uuid })) },
});
const POOLS = { listConfig: { vgs: { include: ['pool-.*'] } } };
const doubt = { reason: 'OtherGroup', message: '', recorded: false } as const;

test.each<[string, NodeLocalStorage, readonly ReturnType<typeof group>[], Readonly<Record<string, string>>]>([
  ['matched groups at first sight', nls(POOLS), [group('a'), group('s', 'system')], { 'pool-0': 'a' }],
  [
    'listed groups at first sight',
    nls({ resourceToBeInited: { vgs: [{ name: 'system', devices: [] }] } }),
    [group('a'), group('s', 'system')],
    { system: 's' },
  ],
  [
    'the first one, not another that is in doubt',
    nls(POOLS, ['pool-0', 'first']),
    [{ ...group('a'), doubt }],
    { 'pool-0': 'first' },
  ],
  ['one that is gone', nls(POOLS, ['pool-0', 'first']), [], { 'pool-0': 'first' }],
  ['none that the configuration gave up', nls({}, ['pool-0', 'first']), [group('a')], {}],
  [
    'what was known when a pattern cannot be read',
    nls({ listConfig: { vgs: { include: ['('] } } }, ['pool-0', 'first']),
    [],
    { 'pool-0': 'first' },
  ],
  ['none in doubt', nls(POOLS), [{ ...group('a'), doubt }], {}],
  ["none of another machine's", nls(POOLS), [{ ...group('a'), foreign: true }], {}],
])('recorded is %s', (_, of, groups, want) => {
  expect(Object.fromEntries(recordGroups(of, groups).map(({ name, uuid }) => [name, uuid]))).toEqual(want);
});
