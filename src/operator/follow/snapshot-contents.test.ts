import { expect, test } from 'vitest';
import { ApiError } from '../../kube/errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { VolumeSnapshotContent } from '../../model/snapshot-objects.ts';
import { createSnapshotContents } from './snapshot-contents.ts';
import { viewOfContent } from './source-of-snapshot.ts';

const never = new AbortController().signal;
interface More {
  readonly driver?: string;
  readonly handle?: string;
  readonly leaves?: boolean;
  /** It was not taken for it. */
  readonly given?: boolean;
}
const content = (name: string, { driver = 'ours', handle = 'snap-1', leaves = false, given = false }: More = {}) => ({
  metadata: { name, ...(leaves ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  spec: {
    driver,
    volumeSnapshotRef: { namespace: 'web', name },
    source: given ? { snapshotHandle: handle } : { volumeHandle: 'vol-1' },
  },
  status: { snapshotHandle: handle },
});

/** What is asked for, as the API server tells it and as it is followed. */
async function bothWays(items: readonly VolumeSnapshotContent[], what: 'keptBy' | 'givenTo' = 'keptBy') {
  const client = { list: async () => ({ metadata: {}, items }) } as unknown as Pick<KubeClient, 'list'>;
  const known = createSnapshotContents({ client, drivers: ['ours'] });
  const asked = await known[what]('snap-1', never);
  let synced = false;
  const values = new Map(items.map((one) => [one.metadata.name ?? '', viewOfContent(one)]));
  known.follow({ values, hasSynced: () => synced });
  expect(await known[what]('snap-1', never)).toEqual(asked);
  const other = createSnapshotContents({ client: NOBODY, drivers: ['ours'] });
  synced = true;
  other.follow({ values, hasSynced: () => synced });
  expect(await other[what]('snap-1', never)).toEqual(asked);
  return asked;
}

const failing = (code: number, reason = 'No'): Pick<KubeClient, 'list'> => ({
  list: () => Promise.reject(new ApiError({ code, reason, message: 'no' })),
});
const NOBODY = failing(500);
const leaves = { leaves: true };

test.each<[string, readonly VolumeSnapshotContent[], readonly string[]]>([
  ['nothing has it', [], []],
  ['it is the only one, as far as was heard', [content('a')], []],
  ['it leaves alone', [content('a', leaves)], []],
  ['another stays', [content('a', leaves), content('b')], ['b']],
  ['its own leaving was not heard of yet', [content('b'), content('a')], ['a', 'b']],
  ['both leave', [content('a', leaves), content('b', leaves)], []],
  ['the other is of another snapshot', [content('a', leaves), content('b', { handle: 'snap-2' })], []],
  ['the other is of another driver', [content('a', leaves), content('b', { driver: 'theirs' })], []],
])('a snapshot is kept by other contents: %s', async (_, items, want) => {
  expect(await bothWays(items)).toEqual(want);
});

const given = { given: true };

test.each<[string, readonly VolumeSnapshotContent[], readonly string[]]>([
  ['the one that it was taken for stays until the group went', [content('own')], []],
  ['another was given it', [content('own'), content('b', given)], ['b']],
  ['the one that it was taken for is gone', [content('b', given)], ['b']],
  ['the other leaves', [content('own'), content('b', { ...given, ...leaves })], []],
  ['the other is of another snapshot', [content('own'), content('b', { ...given, handle: 'snap-2' })], []],
  ['the other is of another driver', [content('own'), content('b', { ...given, driver: 'theirs' })], []],
])('a part of a group snapshot is given to other contents: %s', async (_, items, want) => {
  expect(await bothWays(items, 'givenTo')).toEqual(want);
});

test('a cluster without snapshots keeps none; one that does not answer is asked again', async () => {
  const keptBy = (client: Pick<KubeClient, 'list'>) =>
    createSnapshotContents({ client, drivers: [] }).keptBy('s', never);
  for (const client of [failing(404, 'NoSuchPath'), failing(404, 'NotFound')]) expect(await keptBy(client)).toEqual([]);
  // Of a load balancer, say.
  for (const client of [NOBODY, failing(404, 'BadAnswer')])
    await expect(keptBy(client)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('who has a snapshot is not known where the operator may not see it: nothing is deleted', async () => {
  const known = createSnapshotContents({ client: failing(403, 'Forbidden'), drivers: [] });
  const refused = {
    kind: 'unavailable',
    message: expect.stringContaining('apply deploy/operator-rbac.yaml') as string,
  };
  await expect(known.keptBy('s', never)).rejects.toMatchObject(refused);
  await expect(known.givenTo('s', never)).rejects.toMatchObject(refused);
});
