import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import { REMOVE_STRAYS } from '../../model/well-known.ts';
import { OUR_TAG } from '../../lvm/names.ts';
import type { LvmGroup, LvmVolume } from '../../lvm/report.ts';
import { createStrayVolumes } from './stray-volumes.ts';

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

test('what open-local made and no object speaks of is told once it was seen twice', () => {
  const strays = createStrayVolumes((name) => name === 'known', 'a=b');
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
  const strays = createStrayVolumes(() => false, 'a=b');
  const groups = [group([volume('left')])];
  for (let i = 0; i < 2; i += 1) strays.look(groups);
  const [leaving] = strays.toRemove(nls('uuid-of-left'));
  if (!leaving) throw new Error('it is not to be removed');
  const told = (): string => strays.standings()[0]?.message ?? '';
  const problem = { reason: 'InUse', message: 'it is mounted at /mnt.' } as const;
  expect(await strays.write.problem(leaving, problem, never)).toBe(false);
  expect(told()).toMatch(/ of this object\. pool-0\/left is not erased yet: it is mounted at \/mnt\.$/);
  await strays.write.release(leaving, never);
  expect(told()).not.toContain('not erased yet');
  await strays.write.problem(leaving, problem, never);
  strays.look([]);
  for (let i = 0; i < 2; i += 1) strays.look(groups);
  expect(told()).not.toContain('not erased yet');
});

test('only a stray that is named by its UUID, and is one still, is to be removed', () => {
  const objects = new Set<string>();
  const strays = createStrayVolumes((name) => objects.has(name), 'a=b');
  const groups = [group([volume('left'), volume('kept')])];
  const named = nls('uuid-of-left, uuid-of-nothing');
  strays.look(groups);
  expect(strays.toRemove(named)).toEqual([]);
  strays.look(groups);
  expect([nls(), nls(''), nls('left')].flatMap((each) => strays.toRemove(each))).toEqual([]);
  expect(strays.toRemove(named)).toMatchObject([
    { metadata: { name: 'left' }, spec: { vgName: 'pool-0' }, status: { groupUuid: 'g', volumeUuid: 'uuid-of-left' } },
  ]);
  objects.add('left');
  expect(strays.toRemove(named)).toEqual([]);
});
