import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freePorts } from '../../sandbox/cluster/free-port.ts';
import { CLAIMS, PODS } from '../../src/kube/resource.ts';
import type { NodeRow, Page, PodRow } from '../../src/page/wire.ts';
import { eventually } from '../rig/eventually.ts';
import { CHECKOUT } from './cluster/program.ts';
import { claimSpec } from './instruments/workload.ts';
import { startSystem, type System } from './system/system.ts';

/** The page of the operator on a real API server: real tokens, and what RBAC says of whoever has them. */

const never = new AbortController().signal;
let system: System;
let url: string;

beforeAll(async () => {
  const [port = 0] = await freePorts(1);
  url = `http://127.0.0.1:${port}`;
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 2, disks: '/dev/sdb:20Gi:ssd' }],
    replicas: 1,
    flags: { 'page-listen': `127.0.0.1:${port}` },
  });
  // As examples/with-page has it.
  await system.kubectl('apply', '-f', path.join(CHECKOUT, 'deploy/page/rbac.yaml'));
}, 240_000);
afterAll(() => system?.stop());

const ask = (path: string, token: string): Promise<Response> =>
  fetch(`${url}/api/${path}`, { headers: { authorization: `Bearer ${token}` } });

async function account(name: string): Promise<string> {
  await system.kubectl('create', 'serviceaccount', name);
  return (await system.kubectl('create', 'token', name)).trim();
}

test('whoever may list sees, with a real token; whoever may not is told which right is missing', async () => {
  const token = await account('looks');
  await eventually(async () => expect((await ask('me', token)).status).toBe(200));
  const refused = await ask('nodes', token);
  expect([refused.status, await refused.json()]).toEqual([
    403,
    {
      error: expect.stringContaining(
        'system:serviceaccount:default:looks may not list nodelocalstorages.csi.aliyun.com',
      ),
    },
  ]);
  const rights = '--resource=nodelocalstorages.csi.aliyun.com';
  await system.kubectl('create', 'clusterrole', 'sees-nodes', '--verb=list', rights);
  await system.kubectl(
    'create',
    'clusterrolebinding',
    'sees-nodes',
    '--clusterrole=sees-nodes',
    '--serviceaccount=default:sees',
  );
  const sees = await account('sees');
  await eventually(async () => {
    const { rows } = (await (await ask('nodes', sees)).json()) as Page<NodeRow>;
    expect(rows.map(({ name }) => name)).toEqual(['node-1', 'node-2']);
  });
  expect((await ask('volumes', sees)).status).toBe(403);
  expect((await (await ask('me', sees)).json()) as object).toEqual({
    user: 'system:serviceaccount:default:sees',
    sees: { nodes: true, volumes: false, pods: false, classes: false },
  });
});

test('nobody is let in by no token, a false one, or one of an account that is gone', async () => {
  const token = await account('leaves');
  expect((await ask('me', token)).status).toBe(200);
  expect((await fetch(`${url}/api/me`)).status).toBe(401);
  expect((await ask('me', `${token}x`)).status).toBe(401);
  await system.kubectl('delete', 'serviceaccount', 'leaves');
  // For half a minute it is remembered.
  await expect.poll(async () => (await ask('me', token)).status, { timeout: 60_000, interval: 1000 }).toBe(401);
});

test('a right in one namespace shows its waiting pods with the words of their Events', async () => {
  const claim = { metadata: { namespace: 'default', name: 'huge' }, spec: claimSpec('500Gi') };
  await system.client.create(CLAIMS, claim, never);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'huge' } }];
  const spec = { containers: [{ name: 'main', image: 'none' }], volumes };
  await system.client.create(PODS, { metadata: { namespace: 'default', name: 'waits' }, spec }, never);
  const token = await account('sees-pods');
  await system.kubectl('create', 'role', 'pods', '--verb=list', '--resource=pods');
  await system.kubectl('create', 'rolebinding', 'pods', '--role=pods', '--serviceaccount=default:sees-pods');
  await expect
    .poll(
      async () => {
        const { rows } = (await (await ask('pods?namespace=default', token)).json()) as Page<PodRow>;
        return rows?.map(({ name, reason }) => `${name} ${reason}`);
      },
      { timeout: 90_000, interval: 500 },
    )
    .toEqual(['waits NoRoom']);
  expect((await ask('pods', token)).status).toBe(403);
  const opened = await (await ask('pods/default/waits', token)).json();
  expect(opened).toMatchObject({ fits: 0, message: expect.stringContaining('lacks') });
  expect(opened).not.toHaveProperty('rows');
});
