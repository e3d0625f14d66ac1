import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runForPeople, startPeopleCluster } from '../../test/rig/people-cluster.ts';
import type { SickCluster } from '../../test/rig/sick-cluster.ts';
import { NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { cordoned, uncordoned } from './cordon.ts';

const never = new AbortController().signal;
const pool = (name: string) => ({ name, physicalVolumes: [], total: 1, available: 1, allocatable: 1 });
const nls = (value?: string): NodeLocalStorage => ({
  metadata: { name: 'n1', annotations: value === undefined ? {} : { 'csi.aliyun.com/storage-cordoned': value } },
  status: { nodeStorageInfo: { volumeGroups: [pool('pool-0'), pool('pool-1')] } },
});

test.each([
  { had: undefined, name: undefined, value: '*' },
  { had: undefined, name: 'pool-0', value: 'pool-0' },
  { had: 'pool-1', name: 'pool-0', value: 'pool-0,pool-1' },
  { had: 'pool-1', name: undefined, value: '*' },
  { had: '*', name: 'pool-0', value: undefined },
  { had: 'pool-0', name: 'pool-0', value: undefined },
])('cordon $name after $had writes $value', ({ had, name, value }) => {
  expect(cordoned(nls(had), name).value).toBe(value);
});

test.each([
  { had: undefined, name: undefined, value: undefined },
  { had: 'pool-0', name: undefined, value: null },
  { had: '*', name: undefined, value: null },
  { had: 'pool-0,pool-1', name: 'pool-0', value: 'pool-1' },
  { had: 'pool-0', name: 'pool-0', value: null },
  { had: 'pool-0', name: 'pool-1', value: undefined },
  // A disk that is gone: its cordon can be taken away all the same.
  { had: '/dev/gone', name: '/dev/gone', value: null },
])('uncordon $name after $had writes $value', ({ had, name, value }) => {
  expect(uncordoned(nls(had), name).value).toBe(value);
});

test('a name that the node has not is refused, and the one that was meant is named', () => {
  expect(() => cordoned(nls(), 'pool_0')).toThrow(
    '"pool_0" is not a volume group, disk or mount point that node n1 reports: did you mean pool-0?',
  );
  expect(() => uncordoned(nls(), 'pool-9')).toThrow('"pool-9" is not a volume group');
  expect(() => cordoned({ metadata: { name: 'n1' } }, 'pool-0')).toThrow('it reports none');
});

test('of a whole node no single group is taken out', () => {
  expect(() => uncordoned(nls('*'), 'pool-0')).toThrow(/all of node n1 is cordoned: kubectl open-local uncordon n1/);
});

describe('the commands', { timeout: 120_000 }, () => {
  let cluster: SickCluster;
  beforeAll(async () => {
    cluster = await startPeopleCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  const run = (...args: string[]) => runForPeople(cluster, args, 1000);
  const annotation = async (name: string) =>
    (await cluster.client.get(NODE_LOCAL_STORAGES, { name }, never)).metadata.annotations?.[
      'csi.aliyun.com/storage-cordoned'
    ];

  test('a group is closed and opened, and why tells a pod that needs it', async () => {
    const told = await run('cordon', 'worker-3', 'pool-0');
    expect(told).toEqual({
      stdout: 'pool-0 of node worker-3 gets no new volumes now; what is there stays, and may grow.\n',
      ...{ stderr: '', code: 0 },
    });
    expect(await annotation('worker-3')).toBe('pool-0');
    expect((await run('top')).stdout).toMatch(/^worker-3 .*cordoned: pool-0/m);
    // `both` needs 80 and 90 GiB: only worker-1, or worker-3 for one of them.
    expect((await run('why', 'claim', 'log', '-o', 'wide')).stdout).toMatch(
      /^worker-3 .*volume group pool-0 is cordoned$/m,
    );
    expect((await run('uncordon', 'worker-3')).stdout).toBe('all storage of node worker-3 may get volumes again.\n');
    expect(await annotation('worker-3')).toBeUndefined();
  });

  test('a disk is closed, and the remedy is named', async () => {
    await run('cordon', 'worker-2', '/dev/sdd');
    const { stdout } = await run('why', 'pod', 'fast', '-o', 'wide');
    expect(stdout).toMatch(/^worker-2 .*(disk \/dev\/sdd is cordoned|no free)/m);
    await run('uncordon', 'worker-2', '/dev/sdd');
    expect(await annotation('worker-2')).toBeUndefined();
  });

  test('a node that is not there is named', async () => {
    expect(await run('cordon', 'worker-9')).toEqual({
      stdout: '',
      stderr: 'open-local cordon: there is no NodeLocalStorage worker-9: kubectl get nodelocalstorages\n',
      code: 2,
    });
  });

  test('who wrote in between is not undone', async () => {
    const conflict = { code: 409, reason: 'Conflict', message: 'somebody was faster' };
    cluster.api.troubles.fail({ resource: 'nodelocalstorages', verb: 'patch' }, conflict, 1);
    expect((await run('cordon', 'worker-1')).code).toBe(0);
    expect(await annotation('worker-1')).toBe('*');
    await run('uncordon', 'worker-1');
  });
});
