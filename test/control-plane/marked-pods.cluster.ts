import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Pod } from '../../src/model/objects.ts';
import { isMarked } from '../../src/model/marked-pods.ts';
import { DEFAULT_DRIVER, LEGACY_DRIVER, MARK } from '../../src/model/well-known.ts';
import { CHECKOUT } from './cluster/program.ts';
import { tell } from './cluster/tell.ts';
import { until } from './cluster/until.ts';
import { admitted, untilMarks } from './instruments/admitted.ts';
import { extenderCalls, type ExtenderCalls } from './instruments/extender-calls.ts';
import { broken, promised } from './instruments/promised-bytes.ts';
import { claimSpec, createPods, deletePods, untilRunning, type PodWish } from './instruments/workload.ts';
import { printedConfig, useAsPrinted } from './system/printed-config.ts';
import { POOL, startSystem, type System } from './system/system.ts';

/**
 * The policy of the chart that marks pods, before the real API server, and the real kube-scheduler with what
 * `open-local scheduler-config --marked-pods` prints (docs/decisions/0025): in the order in which it is turned on and
 * off again, and in the wrong one.
 */
const WITHIN_MS = 60_000;
const POLICY = path.join(CHECKOUT, 'deploy/marked-pods');
const MARKED = '--marked-pods';
const NODES = 3;
/** Of each node; LVM leaves less than 20 of 20 GiB. */
const ROOM_GIB = 20;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: NODES, disks: `/dev/sdb:${ROOM_GIB * 1024 + 1}Mi:ssd` }],
    ...{ asPods: true, extender: { ignorable: true } },
  });
}, 180_000);
afterAll(() => system?.stop());

// A test that failed must not leave pods for the next.
afterEach(async () => {
  const ours = system.stores.pods.list().filter(({ metadata }) => metadata.namespace === 'default');
  await deletePods(
    system,
    ours.map(({ metadata: { name = '' } }) => ({ name, sizes: ['1Gi'] })),
  );
});

const volume = {
  inline: (driver = DEFAULT_DRIVER) => ({
    name: 'inline',
    csi: { driver, volumeAttributes: { vgName: POOL, size: '1Gi' } },
  }),
  ephemeral: { name: 'brief', ephemeral: { volumeClaimTemplate: { spec: claimSpec('1Gi') } } },
  claim: { name: 'data', persistentVolumeClaim: { claimName: 'some' } },
  other: { name: 'tmp', emptyDir: {} },
};
const main = { name: 'main', image: 'none' };

interface Resources {
  readonly requests?: object;
  readonly limits?: object;
}

/** Of containers and init containers. */
function resourcesOf({ spec = {} }: Pod): Resources[] {
  const { containers = [], initContainers = [] } = spec as Record<string, { resources: Resources }[]>;
  return [...containers, ...initContainers].map(({ resources }) => resources);
}

const calls = (): Promise<ExtenderCalls> => extenderCalls(system.leader());
const useScheduler = (...flags: readonly string[]): Promise<void> =>
  useAsPrinted(system.cluster, inject('openLocal'), system.extender.port, ...flags);
const named = (prefix: string, count: number, sizes: readonly string[], spec: object = {}): PodWish[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${prefix}-${i}`, sizes, spec: { ...spec } }));
const run = async (pods: readonly PodWish[]): Promise<void> => {
  await createPods(system, pods);
  await untilRunning(
    system,
    pods.map(({ name }) => name),
    WITHIN_MS,
  );
};
const podNow = (name: string): Pod | undefined => system.stores.pods.get(`default/${name}`);

test('without the policy, scheduler-config prints no scheduler that would ask about no pod', async () => {
  await expect(printedConfig(system.cluster, inject('openLocal'), 'kubeadm', MARKED)).rejects.toThrow(
    /no MutatingAdmissionPolicy marks pods of default-scheduler/,
  );
});

describe('the policy', () => {
  beforeAll(async () => {
    await system.kubectl('apply', '-k', POLICY);
    await untilMarks(system, true);
  }, WITHIN_MS);

  const NONE = { [MARK]: '0' };
  const guaranteed = { cpu: '1', memory: '1Gi' };
  test.each([
    { what: 'a claim', volumes: [volume.other, volume.claim], qos: 'BestEffort' },
    { what: 'an ephemeral volume', volumes: [volume.ephemeral], qos: 'BestEffort' },
    { what: 'an inline volume', volumes: [volume.inline()], qos: 'BestEffort' },
    { what: 'an inline volume by the older name', volumes: [volume.inline(LEGACY_DRIVER)], qos: 'BestEffort' },
    { what: 'a claim and a request', volumes: [volume.claim], resources: { requests: { cpu: '1' } }, qos: 'Burstable' },
    { what: 'a claim and limits', volumes: [volume.claim], resources: { limits: guaranteed }, qos: 'Guaranteed' },
  ])('marks the first container of a pod with $what, which stays $qos', async ({ volumes, resources = {}, qos }) => {
    const containers = [main, { ...main, name: 'second' }].map((each) => ({ ...each, resources }));
    const initContainers = [{ ...main, name: 'init', resources }];
    const pod = await admitted(system, { volumes, containers, initContainers });
    const before = await admitted(system, { volumes: [volume.other], containers, initContainers });
    const [first = {}, ...others] = resourcesOf(before);
    const { requests, limits } = first;
    expect(resourcesOf(pod)).toEqual([
      { requests: { ...requests, ...NONE }, limits: { ...limits, ...NONE } },
      ...others,
    ]);
    expect([pod, before].map(({ status }) => status?.qosClass)).toEqual([qos, qos]);
  });

  test.each([
    { what: 'no volume', spec: {} },
    { what: 'volumes of its node alone', spec: { volumes: [volume.other] } },
    { what: "another driver's inline volume", spec: { volumes: [volume.inline('other.example.org')] } },
    { what: 'a node', spec: { volumes: [volume.claim], nodeName: 'node-1' } },
  ])('leaves a pod with $what as it is', async ({ spec }) => {
    expect((await admitted(system, spec)).spec?.containers?.[0]?.resources).toEqual({});
  });

  // kubernetes#134167: such a pod was refused by every policy that applied a configuration to it.
  test('changes nothing else of a pod, though a variable stands in it twice', async () => {
    const env = ['a', 'b'].map((value) => ({ name: 'TWICE', value }));
    const ports = ['TCP', 'UDP'].map((protocol) => ({ containerPort: 53, protocol }));
    const containers = [{ ...main, env, ports }];
    const [container] = (await admitted(system, { containers, volumes: [volume.claim] })).spec?.containers ?? [];
    expect(container).toMatchObject({ env, ports, resources: { requests: NONE } });
  });

  test('alone keeps no pod from its node: whoever does not know the mark passes it over', async () => {
    const pods = named('early', 4, ['1Gi']);
    await run(pods);
    for (const { name } of pods) expect(podNow(name)).toSatisfy(isMarked);
    // This scheduler asks about every pod still.
    const before = await calls();
    await run(named('early-plain', 1, []));
    expect((await calls()).filter - before.filter).toBe(1);
  });
});

describe('a scheduler that asks about marked pods alone', () => {
  beforeAll(() => useScheduler(MARKED), WITHIN_MS);

  test('places plain pods without a call', async () => {
    const before = await calls();
    await run(named('plain', 30, []));
    expect(await calls()).toEqual(before);
  });

  test('asks about a pod with a claim, an ephemeral and an inline volume, and places each where there is room', async () => {
    const full = named('full', NODES - 1, ['15Gi'], {
      topologySpreadConstraints: [
        {
          ...{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' },
          labelSelector: {},
        },
      ],
    });
    await run(full);
    const before = await calls();
    const pods: PodWish[] = [
      { name: 'claim', sizes: ['10Gi'] },
      { name: 'ephemeral', sizes: [], spec: { volumes: [volume.ephemeral] } },
      { name: 'inline', sizes: [], spec: { volumes: [volume.inline()] } },
    ];
    await run(pods);
    const after = await calls();
    expect(after.filter - before.filter).toBeGreaterThanOrEqual(pods.length);
    const taken = new Set(full.map(({ name }) => podNow(name)?.spec?.nodeName));
    expect(taken.size).toBe(NODES - 1);
    expect(taken).not.toContain(podNow('claim')?.spec?.nodeName);
    expect(broken(await promised(system))).toEqual([]);
    // A node has so much, and none so much free: that we say, and kube-scheduler does not.
    await createPods(system, [{ name: 'large', sizes: ['15Gi'] }]);
    await until('the extender says why', [system.stores.pods], WITHIN_MS, () =>
      podNow('large')?.status?.conditions?.some(({ message }) => message?.includes('not enough room for 15 GiB')),
    );
  });

  test('promises nothing twice to pods that nobody marked', async () => {
    await system.kubectl('delete', '-k', POLICY);
    await untilMarks(system, false);
    const before = await calls();
    // Four of them fit on a node: room for twelve, and for no thirteenth.
    const pods = named('unmarked', 16, ['4900Mi']);
    await createPods(system, pods);
    const running = (): string[] =>
      pods.map(({ name }) => name).filter((name) => podNow(name)?.status?.phase === 'Running');
    await until(
      'as many run as there is room for',
      [system.stores.pods],
      120_000,
      () => running().length >= 12,
      running,
    );
    expect(running()).toHaveLength(12);
    expect(await calls()).toEqual(before);
    const all = await promised(system);
    expect(broken(all)).toEqual([]);
    tell(`unmarked pods: ${JSON.stringify(refusals(pods))}`);
  }, 200_000);

  test('promises nothing twice to unmarked pods with inline volumes, which the agents judge', async () => {
    const before = await calls();
    const pods = named('inline', 9, [], {
      volumes: [
        { ...volume.inline(), csi: { driver: DEFAULT_DRIVER, volumeAttributes: { vgName: POOL, size: '9Gi' } } },
      ],
    });
    await createPods(system, pods);
    const states = () => pods.map(({ name }) => podNow(name)?.status?.phase ?? '');
    const bound = () => pods.filter(({ name }) => podNow(name)?.spec?.nodeName);
    await until('all have a node', [system.stores.pods], WITHIN_MS, () => bound().length === pods.length);
    await until(
      'two run on each node that was chosen twice',
      [system.stores.pods],
      WITHIN_MS,
      () => {
        const perNode = Map.groupBy(bound(), ({ name }) => podNow(name)?.spec?.nodeName ?? '');
        const fitting = [...perNode.values()].reduce((sum, { length }) => sum + Math.min(length, 2), 0);
        return states().filter((phase) => phase === 'Running').length === fitting;
      },
      states,
    );
    expect(await calls()).toEqual(before);
    expect(broken(await promised(system))).toEqual([]);
    tell(`unmarked inline pods: ${states().filter((phase) => phase === 'Running').length} of ${pods.length} run`);
  });

  test('goes back to asking about every pod, marked or not', async () => {
    await useScheduler();
    const before = await calls();
    await run(named('again-plain', 3, []));
    await run(named('again', 3, ['1Gi']));
    const after = await calls();
    expect(after.filter - before.filter).toBeGreaterThanOrEqual(6);
  });
});

/** How many pods CreateVolume turned away at least once, before they had their node or until now. */
function refusals(pods: readonly PodWish[]): object {
  const { events } = system.stores;
  const failed = new Set(
    events
      .list()
      .filter(({ reason, message }) => reason === 'ProvisioningFailed' && message?.includes('ResourceExhausted'))
      .map(({ involvedObject }) => involvedObject.name),
  );
  const placed = pods.filter(({ name }) => podNow(name)?.spec?.nodeName);
  const turned = placed.filter(({ name }) => failed.has(`${name}-0`));
  return {
    pods: pods.length,
    placed: placed.length,
    atFirst: placed.length - turned.length,
    afterRefusal: turned.length,
  };
}
