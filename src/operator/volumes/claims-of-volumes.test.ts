import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { CLAIMS } from '../../kube/resource.ts';
import { bytes } from '../../model/bytes.ts';
import type { ClaimFacts } from '../../model/facts.ts';
import type { ObjectMeta } from '../../model/objects.ts';
import { SELECTED_NODE } from '../../model/well-known.ts';
import { createClaimsOfVolumes } from './claims-of-volumes.ts';

const never = new AbortController().signal;
const GONE = '00000000-0000-4000-8000-000000000001';
const claim = { namespace: 'default', name: 'data' };
let ours: OurApi;
/** What was heard of the claim. */
let heard: ClaimFacts | undefined;
let lists: number;

beforeEach(async () => {
  ours = await startOurApi();
  heard = undefined;
  lists = 0;
});
afterEach(() => ours.close());

const claims = () =>
  createClaimsOfVolumes({
    client: {
      list: (...args) => {
        lists += 1;
        return ours.client.list(...args);
      },
    },
    informers: { claims: { get: (key) => (key === 'default/data' ? heard : undefined) } },
  });
const TARGET = '00000000-0000-4000-8000-00000000000a';
const facts = (uid: string, more: Partial<ClaimFacts> = {}): ClaimFacts => ({
  ...{ ...claim, uid, requested: bytes(1), bound: false, deleting: false },
  ...more,
});

async function make(volumeName?: string, metadata: ObjectMeta = claim): Promise<string> {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const object = { metadata, spec: { ...spec, ...(volumeName === undefined ? {} : { volumeName }) } };
  const made = await ours.client.create(CLAIMS, object, never);
  return made.metadata.uid ?? '';
}

test('a claim that is there and waits wants its volume, also one that was not heard of yet', async () => {
  const uid = await make();
  expect(await claims().whyNotWanted({ name: `pvc-${uid}`, claim }, never)).toBeUndefined();
  expect(lists).toBe(1);
  heard = facts(uid);
  expect(await claims().whyNotWanted({ name: `pvc-${uid}`, claim }, never)).toBeUndefined();
  expect(lists).toBe(1);
});

test('a claim for which another node was chosen wants no volume where it was to be before', async () => {
  const uid = await make(undefined, { ...claim, annotations: { [SELECTED_NODE]: 'n2' } });
  const at = (...nodes: readonly string[]) =>
    claims().whyNotWanted({ name: `pvc-${uid}`, claim, ...(nodes.length > 0 && { nodes }) }, never);
  for (const known of [undefined, facts(uid, { selectedNode: 'n2' }), facts(uid, { selectedNode: 'n1' })]) {
    heard = known;
    expect(await at('n2')).toBeUndefined();
  }
  lists = 0;
  heard = facts(uid, { selectedNode: 'n2' });
  expect(await at('n1')).toBe('node n2 was chosen for claim default/data, and not n1');
  expect(lists).toBe(1);
  // A caller that lets the choice to us, and one that names every node.
  for (const nodes of [[], ['n1', 'n2', 'n3']]) expect(await at(...nodes)).toBeUndefined();
  expect(lists).toBe(1);
});

test('a claim that is gone wants none, also when another has its name', async () => {
  const asked = { name: `pvc-${GONE}`, claim };
  const words = `claim default/data (uid ${GONE}) is gone`;
  expect(await claims().whyNotWanted(asked, never)).toBe(words);
  heard = facts(await make());
  expect(await claims().whyNotWanted(asked, never)).toBe(words);
});

test('a claim that is bound, or was when it was last heard of, is asked for', async () => {
  const name = `pvc-${GONE}`;
  heard = facts(GONE, { volumeName: name, bound: true });
  expect(await claims().whyNotWanted({ name, claim }, never)).toBe(`claim default/data (uid ${GONE}) is gone`);
  const uid = await make('pv-1');
  heard = facts(uid, { volumeName: 'pv-1', bound: true });
  expect(await claims().whyNotWanted({ name: `pvc-${uid}`, claim }, never)).toBe(
    'claim default/data has PersistentVolume pv-1',
  );
});

test('a claim that stands in for another is made nothing before it was heard of: the other holds its room', async () => {
  const standIn = { namespace: 'default', name: `prime-${TARGET}` };
  const uid = await make(undefined, standIn);
  await expect(claims().whyNotWanted({ name: `pvc-${uid}`, claim: standIn }, never)).rejects.toMatchObject({
    kind: 'aborted',
    message: `claim default/prime-${TARGET} was not heard of yet`,
  });
});

test('nor is one that Velero restores from', async () => {
  const restored = { namespace: 'default', name: 'restore-x7k2p' };
  const owner = { apiVersion: 'velero.io/v2alpha1', kind: 'DataDownload', name: 'x', uid: 'd', controller: true };
  const uid = await make(undefined, { ...restored, ownerReferences: [owner] });
  await expect(claims().whyNotWanted({ name: `pvc-${uid}`, claim: restored }, never)).rejects.toMatchObject({
    kind: 'aborted',
  });
});

test('without the name of a claim, or its uid in that of the volume, nobody is asked', async () => {
  expect(await claims().whyNotWanted({ name: `pvc-${GONE}` }, never)).toBeUndefined();
  expect(await claims().whyNotWanted({ name: 'pvc-1', claim }, never)).toBeUndefined();
  expect(lists).toBe(0);
});

test('an API server that does not answer is no answer', async () => {
  const deaf = createClaimsOfVolumes({
    client: { list: () => Promise.reject(new Error('no route')) },
    informers: { claims: { get: () => undefined } },
  });
  await expect(deaf.whyNotWanted({ name: `pvc-${GONE}`, claim }, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'asking for claim default/data: no route',
  });
});

test('a volume is for the claim that its name tells, not for one that has the name of that claim since', () => {
  heard = facts('new');
  expect(claims().claimUid({ name: `pvc-${GONE}`, claim })).toBe(GONE);
  expect(claims().claimUid({ name: 'short-1', claim })).toBe('new');
  expect(claims().claimUid({ name: 'short-1' })).toBeUndefined();
});
