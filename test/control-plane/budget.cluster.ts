import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { bytes, GIB } from '../../src/model/bytes.ts';
import { CLAIMS } from '../../src/kube/resource.ts';
import { countByKind, mark, readRequests, type ApiRequest } from './instruments/audit.ts';
import { startLoneAgent } from './system/lone-agent.ts';
import { POOL, startSystem, type System } from './system/system.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { outside, type Allowance } from './instruments/budget.ts';
import { createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';

const never = new AbortController().signal;
const WITHIN_MS = 60_000;
const NODE = 'audited';
/**
 * Claims come one after another: those that come together share requests, so that fewer are counted than one alone
 * makes.
 */
const CLAIMS_COUNTED = 5;

/** What the operator asks for every minute, whatever it does: whether the cluster has snapshots by now. */
const LOOKS: Allowance = { 'list volumesnapshots': [0, 1] };

type Program = 'operator' | 'agent';
type Phase = 'create' | 'grow' | 'delete';
/** What one claim may cost, by program, phase of its life, and `verb resource`. */
type Budget = Readonly<Record<Program, Readonly<Record<Phase, Allowance>>>>;

let system: System;
let agent: { stop(): Promise<void> } | undefined;
let budget: Budget;
beforeAll(async () => {
  budget = JSON.parse(await readFile(path.join(import.meta.dirname, 'api-budget.json'), 'utf8')) as Budget;
  const openLocal = inject('openLocal');
  system = await startSystem({ openLocal, groups: [], replicas: 1, audit: true });
  const disks = [{ name: '/dev/sdb', size: bytes(100 * GIB), mediaType: 'ssd' as const }];
  agent = await startLoneAgent(system, openLocal, { name: NODE, labels: {}, disks });
  await until('the node has reported its group', [system.stores.nodeStorages], WITHIN_MS, () => sizes() !== undefined);
});
afterAll(async () => {
  await agent?.stop();
  await system?.stop();
});

/** Sizes of the logical volumes that the node reported, by name; undefined while it has no group. */
function sizes(): ReadonlyMap<string, number> | undefined {
  const { nodeStorageInfo } = system.stores.nodeStorages.get(NODE)?.status ?? {};
  const group = nodeStorageInfo?.volumeGroups?.find(({ name }) => name === POOL);
  return group && new Map((group.logicalVolumes ?? []).map(({ name, total }) => [name, total]));
}

/** Runs `act` and returns the requests that the programs made for it, without those that they make periodically. */
async function requestsOf(
  doing: () => Promise<unknown>,
): Promise<Readonly<Record<Program | 'looks' | 'renewals', ApiRequest[]>>> {
  const { cluster, client } = system;
  const from = await mark(cluster.dir, client, never);
  await doing();
  const all = await readRequests(cluster.dir, from, await mark(cluster.dir, client, never));
  const of = (program: string): ApiRequest[] =>
    all.filter((request) => request.program === program && request.verb !== 'watch');
  const operator = of('open-local-operator');
  const isLook = ({ verb, resource }: ApiRequest): boolean => Object.hasOwn(LOOKS, `${verb} ${resource}`);
  return {
    operator: operator.filter((request) => request.resource !== 'leases' && !isLook(request)),
    renewals: operator.filter(({ resource }) => resource === 'leases'),
    looks: operator.filter(isLook),
    agent: of('open-local-agent'),
  };
}

const podOf = (name: string): PodWish => ({ name, sizes: ['1Gi'] });
const volumeOf = (claim: string): string | undefined =>
  system.stores.localVolumes.list().find(({ spec }) => spec.claim?.name === claim)?.metadata.name;
const reported = (claim: string): number | undefined => sizes()?.get(volumeOf(claim) ?? '');

const phases: Readonly<Record<Phase, (name: string) => Promise<unknown>>> = {
  create: async (name) => {
    const { nodeStorages, localVolumes } = system.stores;
    await createPods(system, [podOf(name)]);
    await untilRunning(system, [name], WITHIN_MS);
    await until('the volume is reported', [nodeStorages, localVolumes], WITHIN_MS, () => reported(`${name}-0`) === GIB);
  },
  grow: async (name) => {
    const { claims, nodeStorages } = system.stores;
    const body = { spec: { resources: { requests: { storage: '2Gi' } } } };
    const claim = { namespace: 'default', name: `${name}-0` };
    await system.client.patch(CLAIMS, claim, { type: 'merge', body }, never);
    const capacity = (): unknown => claims.get(`default/${name}-0`)?.status?.capacity;
    await until(
      'the claim has grown',
      [claims, nodeStorages],
      WITHIN_MS,
      () => JSON.stringify(capacity()) === '{"storage":"2Gi"}' && reported(`${name}-0`) === 2 * GIB,
    );
  },
  delete: async (name) => {
    const volume = volumeOf(`${name}-0`) ?? '';
    await deletePods(system, [podOf(name)]);
    const { nodeStorages } = system.stores;
    await until('the node has reported it gone', [nodeStorages], WITHIN_MS, () => sizes()?.has(volume) === false);
  },
};

test('one claim costs operator and agent the API requests that api-budget.json says, and no more', async () => {
  await phases.create('warm-up');
  await phases.delete('warm-up');
  const found: string[] = [];
  for (const phase of ['create', 'grow', 'delete'] as const) {
    const requests = await requestsOf(async () => {
      for (let i = 0; i < CLAIMS_COUNTED; i += 1) await phases[phase](`pod-${i}`);
    });
    for (const program of ['operator', 'agent'] as const) {
      const counted = countByKind(requests[program]);
      tell(`${program}, ${phase} of ${CLAIMS_COUNTED} claims: ${JSON.stringify(counted)}`);
      found.push(
        ...outside(counted, budget[program][phase], CLAIMS_COUNTED).map((text) => `${program}, ${phase}: ${text}`),
      );
    }
  }
  expect(found).toEqual([]);
});

test('at rest the agent asks the API server for nothing, and the operator renews its Lease and looks around now and then', async () => {
  const requests = await requestsOf(() => delay(15_000));
  expect(countByKind(requests.agent)).toEqual({});
  expect(countByKind(requests.operator)).toEqual({});
  expect(outside(countByKind(requests.looks), LOOKS, 1)).toEqual([]);
  expect(requests.renewals).not.toEqual([]); // nothing else tells that the log was written in this time
});
