import { expect, test } from 'vitest';
import { CLAIMS, NODES, PODS, type Resource, STORAGE_CLASSES, VOLUMES } from '../../src/kube/resource.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, Pod } from '../../src/model/objects.ts';
import { type Workbench, keyOf, refusal } from './workbench.ts';

const MERGE = 'application/merge-patch+json';

interface Lease extends KubeObject {
  spec?: { holderIdentity?: string; leaseDurationSeconds?: number; renewTime?: string };
}
const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
interface Event extends KubeObject {
  involvedObject?: { kind: string; namespace: string; name: string };
  reason?: string;
  message?: string;
  count?: number;
}
const EVENTS: Resource<Event> = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };

export function builtInKinds(workbench: Workbench): void {
  const pod = async (metadata = {}): Promise<Pod> =>
    workbench.client.create(
      PODS,
      {
        metadata: { name: workbench.name(), namespace: workbench.namespace, ...metadata },
        spec: {
          containers: [{ name: 'c', image: 'none.invalid/none' }],
          automountServiceAccountToken: false,
        } as Pod['spec'] & object,
      },
      workbench.signal,
    );
  const bind = (one: Pod, node: string) =>
    workbench.client.createSub(
      PODS,
      keyOf(one),
      'binding',
      {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: one.metadata.name },
        target: { kind: 'Node', name: node },
      },
      workbench.signal,
    );

  /**
   * The API server looks at a pod in its cache first when it is deleted, and where that has no node yet, the grace
   * period stays 0 (podStrategy.CheckGracefulDelete). A list that must not be older than the pod waits for the cache.
   */
  const untilCached = async (one: Pod): Promise<void> => {
    const { client, namespace, signal } = workbench;
    const { resourceVersion = '' } = (await client.get(PODS, keyOf(one), signal)).metadata;
    await client.list(PODS, { namespace, resourceVersion }, signal);
  };

  test('a pod starts pending, without a node', async () => {
    const one = await pod();
    expect(one).toMatchObject({ status: { phase: 'Pending' }, spec: { schedulerName: 'default-scheduler' } });
    expect(one.spec).not.toHaveProperty('nodeName');
  });

  test('a binding gives a pod its node, once', async () => {
    const one = await pod();
    const node = workbench.name();
    await bind(one, node);
    const bound = await workbench.client.get(PODS, keyOf(one), workbench.signal);
    expect(bound.spec?.nodeName).toBe(node);
    expect(bound.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    await expect(bind(one, node)).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    const select = { namespace: workbench.namespace, fieldSelector: `spec.nodeName=${node},status.phase=Pending` };
    expect((await workbench.client.list(PODS, select, workbench.signal)).items).toHaveLength(1);
    await workbench.client.delete(PODS, keyOf(one), workbench.signal, { gracePeriodSeconds: 0 });
  });

  test.each([
    ['binding', { kind: 'Binding', apiVersion: 'v1', target: { kind: 'Node', name: 'n' } }, '?dryRun=All'],
    ['eviction', { kind: 'Eviction', apiVersion: 'policy/v1' }, '?dryRun=All'],
    ['eviction', { kind: 'Eviction', apiVersion: 'policy/v1', deleteOptions: { dryRun: ['All'] } }, ''],
  ])('a dry run of a %s does nothing', async (subresource, body, query) => {
    const one = await pod();
    const { name = '', namespace = '' } = one.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/${subresource}${query}`;
    const reply = await workbench.raw({ method: 'POST', path, body: { ...body, metadata: { name } } });
    expect(reply.code).toBe(201);
    expect(await workbench.client.get(PODS, keyOf(one), workbench.signal)).toEqual(one);
    await workbench.client.delete(PODS, keyOf(one), workbench.signal, { gracePeriodSeconds: 0 });
  });

  test('a binding for what is not there, or for another uid, is refused', async () => {
    const one = await pod();
    const missing = { metadata: { ...one.metadata, name: workbench.name() } };
    await expect(bind(missing, 'n')).rejects.toMatchObject({ code: 404 });
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: one.metadata.name, uid: 'a-b-c' },
      target: { kind: 'Node', name: 'n' },
    };
    await expect(workbench.client.createSub(PODS, keyOf(one), 'binding', body, workbench.signal)).rejects.toMatchObject(
      {
        code: 409,
      },
    );
  });

  test('nodeName cannot be written; labels and status can', async () => {
    const one = await pod();
    const path = `/api/v1/namespaces/${workbench.namespace}/pods/${one.metadata.name}`;
    const reply = await workbench.raw({ method: 'PATCH', path, type: MERGE, body: { spec: { nodeName: 'n' } } });
    expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes: ['spec FieldValueForbidden'] });
    const labelled = {
      type: 'merge',
      body: { metadata: { labels: { a: 'b' } }, status: { phase: 'Running' } },
    } as const;
    const second = await workbench.client.patch(PODS, keyOf(one), labelled, workbench.signal);
    expect([second.metadata.labels, second.status?.phase]).toEqual([{ a: 'b' }, 'Pending']);
    const running = { type: 'merge', body: { status: { phase: 'Running' } } } as const;
    const third = await workbench.client.patch(PODS, keyOf(one), running, workbench.signal, 'status');
    expect(third.status?.phase).toBe('Running');
  });

  test('a pod without a node goes at once; one on a node has its grace period, unless it is forced', async () => {
    const { client, signal } = workbench;
    const [free, bound] = [await pod(), await pod()];
    await client.delete(PODS, keyOf(free), signal);
    await expect(client.get(PODS, keyOf(free), signal)).rejects.toSatisfy(isNotFound);

    await bind(bound, workbench.name());
    await untilCached(bound);
    await client.delete(PODS, keyOf(bound), signal);
    const ending = await client.get(PODS, keyOf(bound), signal);
    expect(ending.metadata).toMatchObject({
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: expect.any(String) as unknown,
    });
    await client.delete(PODS, keyOf(bound), signal, { gracePeriodSeconds: 0 });
    await expect(client.get(PODS, keyOf(bound), signal)).rejects.toSatisfy(isNotFound);
  });

  test('a pod that has ended goes at once', async () => {
    const { client, signal } = workbench;
    const one = await pod();
    await bind(one, workbench.name());
    await client.patch(PODS, keyOf(one), { type: 'merge', body: { status: { phase: 'Succeeded' } } }, signal, 'status');
    await client.delete(PODS, keyOf(one), signal);
    await expect(client.get(PODS, keyOf(one), signal)).rejects.toSatisfy(isNotFound);
  });

  test('a finalizer holds a forced pod', async () => {
    const { client, signal } = workbench;
    const one = await pod({ finalizers: ['try.open-local.test/hold'] });
    await bind(one, workbench.name());
    await client.delete(PODS, keyOf(one), signal, { gracePeriodSeconds: 0 });
    const held = await client.get(PODS, keyOf(one), signal);
    expect(held.metadata).toMatchObject({ deletionGracePeriodSeconds: 0 });
    await client.patch(PODS, keyOf(one), { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
    await expect(client.get(PODS, keyOf(one), signal)).rejects.toSatisfy(isNotFound);
  });

  const claim = (spec: PersistentVolumeClaim['spec'] = {}): Promise<PersistentVolumeClaim> =>
    workbench.client.create(
      CLAIMS,
      {
        metadata: { name: workbench.name(), namespace: workbench.namespace },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: workbench.name(),
          resources: { requests: { storage: '1Gi' } },
          ...spec,
        },
      },
      workbench.signal,
    );

  test('a claim starts pending; its volume is named once, and its spec is frozen', async () => {
    const one = await claim();
    expect(one).toMatchObject({ status: { phase: 'Pending' }, spec: { volumeMode: 'Filesystem' } });
    const path = `/api/v1/namespaces/${workbench.namespace}/persistentvolumeclaims/${one.metadata.name}`;
    const tries = [
      { accessModes: ['ReadWriteMany'] },
      { storageClassName: 'other' },
      { resources: { requests: { storage: '2Gi' } } },
    ];
    for (const spec of tries) {
      const reply = await workbench.raw({ method: 'PATCH', path, type: MERGE, body: { spec } });
      expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes: ['spec FieldValueForbidden'] });
    }
    const name = (volumeName: string) =>
      workbench.client.patch(CLAIMS, keyOf(one), { type: 'merge', body: { spec: { volumeName } } }, workbench.signal);
    const named = await name('v1');
    expect(named.spec?.volumeName).toBe('v1');
    await expect(name('v2')).rejects.toMatchObject({ code: 422 });
  });

  test('a bound claim grows where its class lets it, and shrinks to no less than it has', async () => {
    const { client, signal } = workbench;
    const classes = [true, false].map((allowVolumeExpansion) => ({
      metadata: { name: workbench.name() },
      provisioner: 'try.open-local.test',
      allowVolumeExpansion,
    }));
    try {
      for (const one of classes) await client.create(STORAGE_CLASSES, one, signal);
      const [grows, fixed] = await Promise.all(
        classes.map(async ({ metadata }) => {
          const one = await claim({ storageClassName: metadata.name, volumeName: workbench.name() });
          const status = { phase: 'Bound', capacity: { storage: '2Gi' } };
          return client.patch(CLAIMS, keyOf(one), { type: 'merge', body: { status } }, signal, 'status');
        }),
      );
      const resize = (one: KubeObject | undefined, storage: string) =>
        client.patch(
          CLAIMS,
          keyOf(one ?? { metadata: {} }),
          { type: 'merge', body: { spec: { resources: { requests: { storage } } } } },
          signal,
        );
      expect(await resize(grows, '5Gi')).toMatchObject({ spec: { resources: { requests: { storage: '5Gi' } } } });
      await resize(grows, '3Gi');
      await expect(resize(grows, '2Gi')).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
      await expect(resize(fixed, '5Gi')).rejects.toMatchObject({ code: 403, reason: 'Forbidden' });
    } finally {
      for (const one of classes) await client.delete(STORAGE_CLASSES, keyOf(one), signal);
    }
  });

  test('a claim without size or access mode is refused', async () => {
    const path = `/api/v1/namespaces/${workbench.namespace}/persistentvolumeclaims`;
    const body = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: workbench.name() }, spec: {} };
    expect(refusal(await workbench.raw({ method: 'POST', path, body }))).toEqual({
      code: 422,
      reason: 'Invalid',
      causes: ['spec.accessModes FieldValueRequired', 'spec.resources[storage] FieldValueRequired'],
    });
  });

  test('where a volume is cannot change', async () => {
    const volume: PersistentVolume = {
      metadata: { name: workbench.name() },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        csi: { driver: 'try.open-local.test', volumeHandle: 'h' },
      },
    };
    const made = await workbench.client.create(VOLUMES, volume, workbench.signal);
    expect(made).toMatchObject({ spec: { volumeMode: 'Filesystem' } });
    try {
      const path = `/api/v1/persistentvolumes/${made.metadata.name}`;
      const body = { spec: { csi: { volumeHandle: 'other' } } };
      expect(refusal(await workbench.raw({ method: 'PATCH', path, type: MERGE, body }))).toMatchObject({
        code: 422,
        causes: ['spec.persistentvolumesource FieldValueForbidden'],
      });
      const grown = { type: 'merge', body: { spec: { capacity: { storage: '2Gi' } } } } as const;
      const bigger = await workbench.client.patch(VOLUMES, keyOf(made), grown, workbench.signal);
      expect(bigger.spec?.capacity).toEqual({ storage: '2Gi' });
    } finally {
      const off = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
      await workbench.client.patch(VOLUMES, keyOf(made), off, workbench.signal);
      await workbench.client.delete(VOLUMES, keyOf(made), workbench.signal).catch(() => {});
    }
  });

  test('a storage class keeps its parameters', async () => {
    const { client, signal } = workbench;
    const made = await client.create(
      STORAGE_CLASSES,
      { metadata: { name: workbench.name() }, provisioner: 'p', parameters: { a: 'b' } },
      signal,
    );
    expect(made).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    const patch = (body: object) => client.patch(STORAGE_CLASSES, keyOf(made), { type: 'merge', body }, signal);
    await expect(patch({ parameters: { a: 'c' } })).rejects.toMatchObject({ code: 422 });
    expect(await patch({ allowVolumeExpansion: true })).toMatchObject({ allowVolumeExpansion: true });
    await client.delete(STORAGE_CLASSES, keyOf(made), signal);
  });

  test('a node’s status and spec are written apart', async () => {
    const { client, signal } = workbench;
    const made = await client.create(NODES, { metadata: { name: workbench.name() } }, signal);
    try {
      const status = {
        status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
        spec: { unschedulable: true },
      };
      const second = await client.patch(NODES, keyOf(made), { type: 'merge', body: status }, signal, 'status');
      expect(second.status?.addresses).toEqual(status.status.addresses);
      expect(second.spec ?? {}).not.toHaveProperty('unschedulable');
      const third = await client.patch(
        NODES,
        keyOf(made),
        { type: 'merge', body: { ...status, status: { addresses: null } } },
        signal,
      );
      expect(third).toMatchObject({ spec: { unschedulable: true }, status: status.status });
    } finally {
      await client.delete(NODES, keyOf(made), signal);
    }
  });

  test('a lease is made by an update, and kept by its version', async () => {
    const { client, signal } = workbench;
    const lease: Lease = {
      metadata: { name: workbench.name(), namespace: workbench.namespace },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000001Z' },
    };
    const first = await client.update(LEASES, lease, signal);
    expect(first.spec).toEqual(lease.spec);
    await client.update(LEASES, { ...first, spec: { holderIdentity: 'b' } }, signal);
    await expect(client.update(LEASES, { ...first, spec: { holderIdentity: 'c' } }, signal)).rejects.toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
    await expect(client.update(LEASES, lease, signal)).rejects.toMatchObject({ code: 422 });
    const { name = '' } = lease.metadata;
    await client.delete(LEASES, { name, namespace: workbench.namespace }, signal);
    await expect(client.update(LEASES, first, signal)).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    const again = { ...first, metadata: { ...lease.metadata, resourceVersion: first.metadata.resourceVersion ?? '' } };
    expect((await client.update(LEASES, again, signal)).metadata.uid).not.toBe(first.metadata.uid);
  });

  test('an event has two faces', async () => {
    const { client, signal, namespace } = workbench;
    const involvedObject = { kind: 'Pod', namespace, name: workbench.name() };
    const event = {
      metadata: { generateName: 'e-', namespace },
      involvedObject,
      reason: 'Tried',
      message: 'hello',
      type: 'Normal',
      count: 1,
    };
    const made = await client.create(EVENTS, event, signal);
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    expect((await workbench.raw({ path: `${path}/${made.metadata.name}` })).json()).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      regarding: involvedObject,
      note: 'hello',
      deprecatedCount: 1,
    });
    await client.patch(EVENTS, keyOf(made), { type: 'merge', body: { count: 2 } }, signal);
    const byRegarding = await workbench.raw({ path: `${path}?fieldSelector=regarding.name%3D${involvedObject.name}` });
    expect(byRegarding.json()).toMatchObject({ items: [{ deprecatedCount: 2 }] });
    const select = { namespace, fieldSelector: `involvedObject.name=${involvedObject.name},reason=Tried` };
    expect((await client.list(EVENTS, select, signal)).items).toMatchObject([{ count: 2, message: 'hello' }]);
  });
}
