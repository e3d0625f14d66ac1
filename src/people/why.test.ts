import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster, waitingPod } from '../../test/rig/people-cluster.ts';
import { claimOf, type SickCluster } from '../../test/rig/sick-cluster.ts';
import { EVENTS } from '../doctor/model/kinds.ts';
import { LEASES } from '../kube/lease/lease-record.ts';
import { CLAIMS, CSI_NODES, LOCAL_VOLUMES, NODES, PODS } from '../kube/resource.ts';
import { GIB } from '../model/bytes.ts';
import { DEFAULT_DRIVER } from '../model/well-known.ts';
import type { Why } from '../operator/waiting/judge.ts';
import { refusedClaimOf } from './why.ts';

const never = new AbortController().signal;

describe('the command', () => {
  let cluster: SickCluster;
  beforeAll(async () => {
    cluster = await startPeopleCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const why = (...args: string[]) => runForPeople(cluster, ['why', ...args], 1000);
  const json = async (...args: string[]): Promise<Why> =>
    JSON.parse((await runForPeople(cluster, ['why', ...args, '-o', 'json'])).stdout) as Why;

  test('a pod that is too large is told what lacks where it is closest, as the objects have it', async () => {
    const { fits, perNode, message, reason } = await json('pod', 'archive');
    expect([fits, reason]).toEqual([0, 'NoRoom']);
    // pool-1 of worker-1 has 200 GiB, a tenth of it reserved; pool-0 there has 40 free.
    expect(perNode.find(({ node }) => node === 'worker-1')).toMatchObject({
      where: 'pool-1',
      lacks: (900 - 180) * GIB,
    });
    expect(message).toMatch(/Closest is volume group pool-1 of node worker-1, which lacks 720 GiB of 900 GiB/);
    expect(message).toMatch(/What helps: /);
  });

  test('volumes that fit one by one and not together are judged together', async () => {
    const { fits, perNode } = await json('pod', 'both');
    expect(fits).toBe(1);
    // 80 and 90 of the 100 that worker-3 has free.
    expect(perNode.find(({ node }) => node === 'worker-3')).toMatchObject({ fits: false, lacks: 70 * GIB });
  });

  test('a pod that fits is said not to wait for room, and what its scheduler says', async () => {
    await cluster.put(PODS, {
      ...waitingPod('other-cause', ['small']),
      status: {
        phase: 'Pending',
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/5: Insufficient cpu' },
        ],
      },
    });
    const { stdout } = await why('pod', 'other-cause');
    expect(stdout).toMatch(/^It may go to 4 of 5 nodes, which have room for its volume: it does not wait for room/);
    expect(stdout).toContain('Its scheduler says: 0/5: Insufficient cpu');
  });

  test('a node whose kubelet does not know the driver now is none for a new volume, as to the operator', async () => {
    const { perNode } = await json('pod', 'both');
    const open = perNode.find(({ fits }) => fits)?.node ?? '';
    await cluster.client.create(CSI_NODES, { metadata: { name: open }, spec: { drivers: [] } }, never);
    const closed = await json('pod', 'both');
    const spec = { drivers: [{ name: DEFAULT_DRIVER, nodeID: open, topologyKeys: [] }] };
    await cluster.client.patch(CSI_NODES, { name: open }, { type: 'merge', body: { spec } }, never);
    expect(closed.fits).toBe(0);
    expect(closed.perNode.find(({ node }) => node === open)).toMatchObject({
      fits: false,
      obstacle: 'the kubelet of the node does not know the driver',
    });
    expect((await json('pod', 'both')).fits).toBe(1);
  });

  test.each([
    { line: ['why', 'pod', 'b'], words: ['both'] },
    { line: ['why', 'claim', '-n', 'nowhere', ''], words: [] },
    { line: ['why', 'node', 'worker-'], words: ['worker-1', 'worker-2', 'worker-3'] },
    { line: ['cordon', 'worker-2', '/dev/sd'], words: ['/dev/sdd', '/dev/sde'] },
    { line: ['cordon', 'no-such-node', ''], words: [] },
    { line: ['release', 'volume', 'local-c'], words: ['local-cache'] },
    { line: ['why', '--context=wrong', 'pod', ''], words: [] },
  ])('at Tab $line goes on with $words', async ({ line, words }) => {
    const told = await runForPeople(cluster, ['__complete', ...line]);
    expect(told).toEqual({ stdout: [...words, ':4', ''].join('\n'), stderr: '', code: 0 });
  });

  test('a volume that has its place and is not made is told, with what its agent says, or that it is silent', async () => {
    for (const [name, node, status] of [
      ['never-answered', 'worker-2', {}],
      ['being-copied', 'worker-1', { status: { phase: 'Pending', message: 'It is copied: 42 %' } }],
    ] as const) {
      const { metadata } = await cluster.put(CLAIMS, claimOf(name, { resources: { requests: { storage: '1Gi' } } }));
      const claim = { namespace: 'default', name };
      const spec = { nodeName: node, kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume', claim } as const;
      await cluster.put(LOCAL_VOLUMES, { metadata: { name: `pvc-${metadata.uid}` }, spec, ...status });
      await cluster.put(PODS, waitingPod(name, [name]));
    }
    const silent = (await why('pod', 'never-answered')).stdout;
    expect(silent).toMatch(
      /^Volume pvc-\S+ of claim never-answered \(1Gi\) has its place on node worker-2, whose agent has said nothing of it yet\. It has not reported for 3 h: /,
    );
    expect((await why('claim', 'never-answered')).stdout).toBe(silent);
    expect((await why('claim', 'being-copied')).stdout).toMatch(/worker-1, whose agent says: It is copied: 42 %\.\n$/);
    for (const name of ['never-answered', 'being-copied'])
      await cluster.client.delete(PODS, { namespace: 'default', name }, never);
  });

  test('a claim that is not there is named', async () => {
    expect((await why('pod', 'forgotten')).stdout).toMatch(
      /^On 5 nodes: the claim default\/not-made is not known yet\.$/m,
    );
  });

  test('a node that is cordoned and has room says so', async () => {
    await cluster.change(NODES, { name: 'worker-3' }, { spec: { unschedulable: true } });
    const { perNode } = await json('pod', 'fits');
    expect(perNode.find(({ node }) => node === 'worker-3')).toMatchObject({
      fits: false,
      obstacle: 'the node is cordoned, and the node has room',
    });
    const { stdout } = await why('node', 'worker-3');
    expect(stdout).toMatch(/^Node worker-3: it is cordoned/);
    await cluster.change(NODES, { name: 'worker-3' }, { spec: { unschedulable: null } });
  });

  test.each([
    { of: ['pod', 'database-0'], says: 'It has its node, n1, and is Running.', pod: { spec: { nodeName: 'n1' } } },
    { of: ['pod', 'done'], says: 'It has ended: Succeeded.', pod: { status: { phase: 'Succeeded' } } },
  ])('$of: $says', async ({ of, says, pod }) => {
    const [, name = ''] = of;
    const made = { ...waitingPod(name, ['small']), ...pod };
    await cluster.client.delete(PODS, { namespace: 'default', name }, never, { gracePeriodSeconds: 0 }).catch(() => {});
    await cluster.put(PODS, {
      ...made,
      spec: { ...waitingPod(name, ['small']).spec, ...pod.spec },
      status: pod.status ?? { phase: 'Running' },
    });
    expect((await why(...of)).stdout).toContain(says);
  });

  test('a pod that names its node itself, or its claim, is told why no volume is made', async () => {
    await cluster.put(CLAIMS, claimOf('by-hand', { resources: { requests: { storage: '1Gi' } } }));
    const made = waitingPod('by-hand', ['by-hand']);
    await cluster.put(PODS, { ...made, spec: { ...made.spec, nodeName: 'worker-1' }, status: { phase: 'Pending' } });
    const says = /no scheduler chooses a node for the claim.*without spec\.nodeName/s;
    expect((await why('pod', 'by-hand')).stdout).toMatch(says);
    expect((await why('claim', 'by-hand')).stdout).toMatch(says);
    await cluster.client.delete(PODS, { namespace: 'default', name: 'by-hand' }, never);
  });

  test('a pod without a volume of ours is told so', async () => {
    await cluster.put(PODS, waitingPod('plain', []));
    expect((await why('pod', 'plain')).stdout).toMatch(/^None of its volumes is of open-local/);
  });

  test('a claim says where its volume is, whose it is, or what became of a pod that came now', async () => {
    expect((await why('claim', 'data')).stdout).toBe('It is bound: volume local-1 in pool-0 of node n1, 1Gi, Ready.\n');
    await cluster.put(CLAIMS, claimOf('theirs', { storageClassName: 'standard' }));
    expect((await why('claim', 'theirs')).stdout).toMatch(/^StorageClass standard is not of open-local/);
    await cluster.put(CLAIMS, claimOf('idle', { resources: { requests: { storage: '900Gi' } } }));
    const { stdout } = await why('claim', 'idle');
    expect(stdout).toMatch(/^No pod that waits uses it.* If one came now:\nWaits with claim idle \(900 GiB/);
  });

  test('a claim that CreateVolume refused has its words', async () => {
    const involvedObject = { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'small' };
    const event = { metadata: { name: 'e', namespace: 'default' }, involvedObject, reason: 'ProvisioningFailed' };
    await cluster.put(EVENTS, {
      ...event,
      message: 'rpc error: code = ResourceExhausted desc = no room is left in pool-0',
      lastTimestamp: '2026-01-01T00:00:00Z',
    });
    expect((await why('claim', 'small')).stdout).toContain(
      'CreateVolume refused claim small: rpc error: code = ResourceExhausted desc = no room is left in pool-0',
    );
  });

  test('one that csi-provisioner refused before it asked CreateVolume has its words', async () => {
    const involvedObject = { kind: 'PersistentVolumeClaim', namespace: 'default', name: 'small' };
    const message = 'VAC gold referenced in PVC is for driver other which does not match driver name';
    await cluster.put(EVENTS, {
      ...{ metadata: { name: 'f', namespace: 'default' }, involvedObject, message },
      ...{ reason: 'ProvisioningFailed', lastTimestamp: '2026-01-02T00:00:00Z' },
    });
    expect((await why('claim', 'small')).stdout.replaceAll('\n', ' ')).toContain(
      `csi-provisioner refused claim small: ${message}`,
    );
  });

  test('what is not there is told with what was meant', async () => {
    const { stderr, code } = await why('node', 'worker-4');
    expect(stderr).toMatch(
      /^open-local why: "worker-4" is not a node that can be read: did you mean worker-[123]\?\n$/,
    );
    expect(code).toBe(2);
    expect((await why('pod', 'x', '-n', 'nowhere')).stderr).toContain('"x" is not a pod of namespace nowhere');
  });

  test('no line is broken at 80 columns, and it answers while no operator leads', async () => {
    await cluster.client.delete(LEASES, { namespace: 'open-local', name: 'open-local-operator' }, never);
    for (const of of [
      ['pod', 'archive'],
      ['node', 'worker-1'],
    ]) {
      const { stdout, code } = await runForPeople(cluster, ['why', ...of]);
      expect(stdout.split('\n').filter(({ length }) => length > 80)).toEqual([]);
      expect(stdout).toContain('The operator does not lead');
      expect(code).toBe(0);
    }
  });
});

test('the last refusal of a claim of the pod counts, and none of an earlier claim of that name', () => {
  const event = (name: string, message: string, lastTimestamp: string, uid = `uid-${name}`) => ({
    ...{ metadata: {}, message, lastTimestamp },
    involvedObject: { kind: 'PersistentVolumeClaim', namespace: 'd', name, uid },
  });
  const events = [
    event('a', 'rpc error: code = Internal', '2026-01-02T00:00:00Z'),
    event('a', 'old', '2026-01-01T00:00:00Z'),
    event('a', 'of the claim before', '2026-01-03T00:00:00Z', 'older'),
    event('b', 'of another', '2026-01-03T00:00:00Z'),
  ];
  const claims = ['a', 'b'].map((name) => ({ metadata: { namespace: 'd', name, uid: `uid-${name}` } }));
  const pod = {
    uid: '',
    namespace: 'd',
    name: 'p',
    finished: false,
    volumes: [{ kind: 'claim' as const, claimName: 'a' }],
  };
  expect(refusedClaimOf(pod, events, claims)).toEqual({ name: 'a', words: 'rpc error: code = Internal' });
  expect(refusedClaimOf({ ...pod, namespace: 'e' }, events, claims)).toBeUndefined();
  expect(refusedClaimOf(pod, events.slice(1), claims)).toEqual({ name: 'a', words: 'old', by: 'csi-provisioner' });
  expect(refusedClaimOf(pod, events.slice(2), claims)).toBeUndefined();
});
