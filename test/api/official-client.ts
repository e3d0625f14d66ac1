import {
  ApiException,
  AppsV1Api,
  AuthenticationV1Api,
  AuthorizationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubernetesObjectApi,
  PatchStrategy,
  PolicyV1Api,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  StorageV1Api,
  VersionApi,
  Watch,
  type V1Pod,
  type V1ResourceAttributes,
} from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { eventually } from '../rig/eventually.ts';
import type { Workbench } from './workbench.ts';

const patchedBy = (type: string) => setHeaderOptions('Content-Type', type);

/** What a refused call says; a call that is not refused fails the test. */
async function refusalOf(call: Promise<unknown>): Promise<{ code: number; reason: unknown }> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof ApiException)) throw new Error('it was not refused as the API refuses', { cause: error });
  const body: unknown = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
  return { code: error.code, reason: (body as { reason?: unknown }).reason };
}

const podSpec = { containers: [{ name: 'main', image: 'example.org/a:1' }] };

/**
 * The same server by the calls of @kubernetes/client-node, which differ from ours: its typed bodies come without kind
 * and apiVersion, its
 * answers are read into classes, and it patches and deletes in ways of its own. A second witness: what it is answered
 * by the in-memory
 * server and by a real one must be the same.
 */
export function officialClient(bench: Workbench): void {
  const core = (): CoreV1Api => bench.official.makeApiClient(CoreV1Api);
  const inOurs = () => ({ namespace: bench.namespace });
  const configMap = (data: Record<string, string> = { a: '1' }, labels: Record<string, string> = {}) => {
    const body = { metadata: { name: bench.name(), labels }, data };
    return core().createNamespacedConfigMap({ ...inOurs(), body });
  };
  const pod = (more: object = {}): Promise<V1Pod> => {
    const body = { metadata: { name: bench.name() }, spec: { ...podSpec, ...more } };
    return core().createNamespacedPod({ ...inOurs(), body });
  };
  const at = ({ metadata }: { metadata?: { name?: string } }) => ({ name: metadata?.name ?? '', ...inOurs() });

  test('create and read: a body needs neither kind nor apiVersion', async () => {
    const made = await configMap({ a: '1' });
    const read = await core().readNamespacedConfigMap(at(made));
    expect(read).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
    expect(read.metadata?.uid).toBe(made.metadata?.uid);
    expect(read.metadata?.creationTimestamp).toBeInstanceOf(Date);
  });

  test('a name that the server makes', async () => {
    const body = { metadata: { generateName: 'made-' } };
    const made = await core().createNamespacedConfigMap({ ...inOurs(), body });
    expect(made.metadata?.name).toMatch(/^made-[a-z0-9]{5}$/);
  });

  test('a second create and a read of nothing are refused', async () => {
    const made = await configMap();
    const again = core().createNamespacedConfigMap({ ...inOurs(), body: { metadata: { name: at(made).name } } });
    expect(await refusalOf(again)).toEqual({ code: 409, reason: 'AlreadyExists' });
    const none = core().readNamespacedConfigMap({ ...inOurs(), name: bench.name() });
    expect(await refusalOf(none)).toEqual({ code: 404, reason: 'NotFound' });
  });

  test('a dry run answers and leaves nothing', async () => {
    const name = bench.name();
    const made = await core().createNamespacedConfigMap({ ...inOurs(), body: { metadata: { name } }, dryRun: 'All' });
    expect(made.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect((await refusalOf(core().readNamespacedConfigMap({ ...inOurs(), name }))).code).toBe(404);
  });

  test('list by labels, in pages', async () => {
    const batch = bench.name();
    for (let i = 0; i < 3; i += 1) await configMap({}, { batch });
    const query = { ...inOurs(), labelSelector: `batch=${batch}`, limit: 2 };
    const first = await core().listNamespacedConfigMap(query);
    const { _continue: next = '' } = first.metadata ?? {};
    const rest = await core().listNamespacedConfigMap({ ...query, _continue: next });
    expect([first.items.length, rest.items.length]).toEqual([2, 1]);
    expect(first.metadata?.remainingItemCount).toBeUndefined();
    expect(first).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMapList' });
    expect([first.items[0]?.kind, first.items[0]?.apiVersion]).toEqual([undefined, undefined]);
  });

  test('list by fields', async () => {
    const made = await pod();
    const selected = await core().listNamespacedPod({ ...inOurs(), fieldSelector: `metadata.name=${at(made).name}` });
    expect(selected.items.map(at)).toEqual([at(made)]);
    const unknown = core().listNamespacedConfigMap({ ...inOurs(), fieldSelector: 'data.a=1' });
    expect((await refusalOf(unknown)).code).toBe(400);
  });

  test('replace, and not an older version', async () => {
    const made = await configMap();
    const changed = { metadata: made.metadata ?? {}, data: { a: '2' } };
    const replaced = await core().replaceNamespacedConfigMap({ ...at(made), body: changed });
    expect(replaced.data).toEqual({ a: '2' });
    const stale = core().replaceNamespacedConfigMap({ ...at(made), body: { ...changed, data: {} } });
    expect(await refusalOf(stale)).toEqual({ code: 409, reason: 'Conflict' });
  });

  test.each([
    ['merge', PatchStrategy.MergePatch, { data: { a: null, b: '2' } }, { b: '2' }],
    ['JSON', PatchStrategy.JsonPatch, [{ op: 'replace', path: '/data/a', value: '2' }], { a: '2' }],
    ['strategic merge', PatchStrategy.StrategicMergePatch, { data: { a: null, b: '2' } }, { b: '2' }],
  ])('patch: %s', async (_, type, body, data) => {
    const made = await configMap();
    const patched = await core().patchNamespacedConfigMap({ ...at(made), body }, patchedBy(type));
    expect(patched.data).toEqual(data);
  });

  test('a strategic merge patch knows the lists of built-in kinds by their keys', async () => {
    const made = await core().createNamespacedService({
      ...inOurs(),
      body: {
        metadata: { name: bench.name(), finalizers: ['example.org/one'] },
        spec: { ports: [1, 2].map((port) => ({ name: `p${port}`, port })), externalIPs: ['192.0.2.1'] },
      },
    });
    const spec = {
      ports: [
        { port: 2, $patch: 'delete' },
        { port: 3, name: 'p3' },
      ],
      externalIPs: ['192.0.2.2'],
    };
    const body = { metadata: { finalizers: ['example.org/two'], labels: { a: 'b' } }, spec };
    const patched = await core().patchNamespacedService(
      { ...at(made), body },
      patchedBy(PatchStrategy.StrategicMergePatch),
    );
    expect(patched.spec?.ports?.map(({ name }) => name).toSorted()).toEqual(['p1', 'p3']);
    expect(patched.spec?.externalIPs).toEqual(['192.0.2.2']);
    expect(patched.metadata?.finalizers?.toSorted()).toEqual(['example.org/one', 'example.org/two']);
    const bare = { '$deleteFromPrimitiveList/finalizers': ['example.org/one', 'example.org/two'] };
    const freed = await core().patchNamespacedService(
      { ...at(made), body: { metadata: bare } },
      patchedBy(PatchStrategy.StrategicMergePatch),
    );
    expect(freed.metadata?.finalizers ?? []).toEqual([]);
    await core().deleteNamespacedService(at(made));
  });

  test('server-side apply creates, and a second applier is refused until it forces', async () => {
    const name = bench.name();
    const apply = (manager: string, value: string, force?: boolean) =>
      core().patchNamespacedConfigMap(
        {
          ...inOurs(),
          name,
          body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: value } },
          fieldManager: manager,
          ...(force === undefined ? {} : { force }),
        },
        patchedBy(PatchStrategy.ServerSideApply),
      );
    expect((await apply('one', '1')).data).toEqual({ a: '1' });
    expect(await refusalOf(apply('two', '2'))).toEqual({ code: 409, reason: 'Conflict' });
    expect((await apply('two', '2', true)).data).toEqual({ a: '2' });
  });

  test('delete answers with a Status, of a pod with the pod', async () => {
    const made = await configMap();
    const gone = await core().deleteNamespacedConfigMap(at(made));
    expect(gone).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: at(made).name, kind: 'configmaps' },
    });
    const stray = await pod();
    const wrong = core().deleteNamespacedPod({ ...at(stray), body: { preconditions: { uid: 'another' } } });
    expect(await refusalOf(wrong)).toEqual({ code: 409, reason: 'Conflict' });
    expect(await core().deleteNamespacedPod(at(stray))).toMatchObject({
      kind: 'Pod',
      metadata: { name: at(stray).name },
    });
  });

  test('delete of all that is selected', async () => {
    const batch = bench.name();
    for (let i = 0; i < 2; i += 1) await configMap({}, { batch });
    const [other, labelSelector] = [await configMap(), `batch=${batch}`];
    await core().deleteCollectionNamespacedConfigMap({ ...inOurs(), labelSelector });
    expect((await core().listNamespacedConfigMap({ ...inOurs(), labelSelector })).items).toEqual([]);
    expect((await core().readNamespacedConfigMap(at(other))).data).toEqual({ a: '1' });
  });

  test('a status is written apart from the rest', async () => {
    const made = await pod();
    const metadata = made.metadata ?? {};
    const body = { metadata, spec: { ...podSpec, nodeName: 'unseen' }, status: { phase: 'Failed', reason: 'Tried' } };
    const written = await core().replaceNamespacedPodStatus({ ...at(made), body });
    expect([written.status?.phase, written.status?.reason, written.spec?.nodeName]).toEqual([
      'Failed',
      'Tried',
      undefined,
    ]);
    const patched = await core().patchNamespacedPodStatus(
      { ...at(made), body: { status: { conditions: [{ type: 'Ready', status: 'False' }] } } },
      patchedBy(PatchStrategy.StrategicMergePatch),
    );
    expect(patched.status).toMatchObject({ phase: 'Failed', conditions: [{ type: 'Ready', status: 'False' }] });
  });

  test('a pod is bound once', async () => {
    const made = await pod();
    const bind = (node: string) =>
      core().createNamespacedPodBinding({
        ...at(made),
        body: { metadata: { name: at(made).name }, target: { kind: 'Node', name: node } },
      });
    expect((await bind('first')).kind).toBe('Status');
    expect((await core().readNamespacedPod(at(made))).spec?.nodeName).toBe('first');
    expect(await refusalOf(bind('second'))).toEqual({ code: 409, reason: 'Conflict' });
    await core().deleteNamespacedPod({ ...at(made), gracePeriodSeconds: 0 });
  });

  test('an eviction deletes the pod, unless a budget forbids it', async () => {
    const policy = bench.official.makeApiClient(PolicyV1Api);
    const labels = { evicted: bench.name() };
    const evict = (one: V1Pod) =>
      core().createNamespacedPodEviction({ ...at(one), body: { metadata: { name: at(one).name } } });
    const free = await pod();
    expect((await evict(free)).kind).toBe('Status');
    expect((await refusalOf(core().readNamespacedPod(at(free)))).code).toBe(404);
    expect((await refusalOf(evict(free))).code).toBe(404);

    const body = { metadata: { name: bench.name() }, spec: { minAvailable: 1, selector: { matchLabels: labels } } };
    const budget = await policy.createNamespacedPodDisruptionBudget({ ...inOurs(), body });
    const kept = await core().createNamespacedPod({
      ...inOurs(),
      body: { metadata: { name: bench.name(), labels }, spec: podSpec },
    });
    // Bound and running: of a pending pod no budget is asked.
    const running = { metadata: kept.metadata ?? {}, spec: podSpec, status: { phase: 'Running' } };
    await core().replaceNamespacedPodStatus({ ...at(kept), body: running });
    expect(await refusalOf(evict(kept))).toEqual({ code: 429, reason: 'TooManyRequests' });
    await policy.deleteNamespacedPodDisruptionBudget(at(budget));
    expect((await evict(kept)).kind).toBe('Status');
  });

  test('watch', async () => {
    const batch = bench.name();
    const first = await configMap({ a: '1' }, { batch });
    const seen: [type: string, name: string, kind: string][] = [];
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    const query = { labelSelector: `batch=${batch}`, resourceVersion: first.metadata?.resourceVersion };
    const three = Promise.withResolvers<void>();
    const watching = await new Watch(bench.official).watch(
      `/api/v1/namespaces/${bench.namespace}/configmaps`,
      query,
      (type, object: { kind: string; metadata: { name: string } }) => {
        seen.push([type, object.metadata.name, object.kind]);
        if (seen.length === 3) three.resolve();
      },
      resolve,
    );
    const second = await configMap({}, { batch });
    await core().patchNamespacedConfigMap(
      { ...at(second), body: { data: { a: '2' } } },
      patchedBy(PatchStrategy.MergePatch),
    );
    await core().deleteNamespacedConfigMap(at(second));
    await three.promise;
    watching.abort();
    await ended;
    expect(seen).toEqual(['ADDED', 'MODIFIED', 'DELETED'].map((type) => [type, at(second).name, 'ConfigMap']));
  });

  test('kinds without a namespace', async () => {
    const storage = bench.official.makeApiClient(StorageV1Api);
    const name = bench.name();
    const made = await storage.createStorageClass({ body: { metadata: { name }, provisioner: 'example.org/none' } });
    expect(made).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    expect((await storage.deleteStorageClass({ name })).kind).toBe('StorageClass');
  });

  test('a lease is replaced only by who names its version', async () => {
    const leases = bench.official.makeApiClient(CoordinationV1Api);
    const body = { metadata: { name: bench.name() }, spec: { holderIdentity: 'a', leaseDurationSeconds: 15 } };
    const made = await leases.createNamespacedLease({ ...inOurs(), body });
    expect((await refusalOf(leases.replaceNamespacedLease({ ...at(made), body }))).code).toBe(422);
    const spec = { ...body.spec, holderIdentity: 'b' };
    const replaced = await leases.replaceNamespacedLease({
      ...at(made),
      body: { metadata: made.metadata ?? {}, spec },
    });
    expect(replaced.spec?.holderIdentity).toBe('b');
  });

  test('custom objects, by two interfaces', async () => {
    const { group, version, plural } = bench.things;
    const custom = bench.official.makeApiClient(CustomObjectsApi);
    const thing = bench.thing();
    const where = { group, version, plural, namespace: bench.namespace, name: thing.metadata.name ?? '' };
    await custom.createNamespacedCustomObject({ ...where, body: thing });
    expect(await custom.getNamespacedCustomObject(where)).toMatchObject({ kind: 'Thing', metadata: thing.metadata });
    const strategic = custom.patchNamespacedCustomObject(
      { ...where, body: { metadata: { labels: { a: 'b' } } } },
      patchedBy(PatchStrategy.StrategicMergePatch),
    );
    expect((await refusalOf(strategic)).code).toBe(415);

    const objects = KubernetesObjectApi.makeApiClient(bench.official);
    const header = {
      apiVersion: `${group}/${version}`,
      kind: 'Thing',
      metadata: { namespace: bench.namespace, name: where.name },
    };
    const labelled = { ...header, metadata: { ...header.metadata, labels: { a: 'b' } } };
    await objects.patch(labelled, undefined, undefined, 'tester', undefined, PatchStrategy.MergePatch);
    expect((await objects.read(header)).metadata?.labels).toEqual({ a: 'b' });
    expect(await objects.delete(header)).toMatchObject({ status: 'Success' });
  });

  test('a Deployment with what it starts with', async () => {
    const apps = bench.official.makeApiClient(AppsV1Api);
    const labels = { app: bench.name() };
    const body = {
      metadata: { name: labels.app },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
    };
    const made = await apps.createNamespacedDeployment({ ...inOurs(), body });
    expect(made.spec).toMatchObject({ replicas: 1, strategy: { type: 'RollingUpdate' }, revisionHistoryLimit: 10 });
    await apps.deleteNamespacedDeployment({ ...at(made), propagationPolicy: 'Background' });
  });

  test('an access review answers what roles and bindings give, and is not stored', async () => {
    const { namespace } = bench;
    const rbac = bench.official.makeApiClient(RbacAuthorizationV1Api);
    const metadata = { name: bench.name() };
    const rules = [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['ours'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods/binding'], verbs: ['create'] },
    ];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name };
    const subjects = [{ kind: 'ServiceAccount', name: 'tester', namespace }];
    await rbac.createNamespacedRole({ namespace, body: { metadata, rules } });
    await rbac.createNamespacedRoleBinding({ namespace, body: { metadata, roleRef, subjects } });
    const may = async (resourceAttributes: V1ResourceAttributes): Promise<boolean | undefined> => {
      const user = `system:serviceaccount:${namespace}:tester`;
      const body = { spec: { user, resourceAttributes } };
      const answer = await bench.official.makeApiClient(AuthorizationV1Api).createSubjectAccessReview({ body });
      return answer.status?.allowed;
    };
    const secret = { verb: 'get', resource: 'secrets', namespace };
    const asked = [
      { ...secret, name: 'ours' },
      { verb: 'create', resource: 'pods', subresource: 'binding', namespace },
      { ...secret, name: 'theirs' },
      { ...secret, verb: 'list' },
      { ...secret, name: 'ours', namespace: 'default' },
      { verb: 'create', resource: 'pods', namespace },
    ];
    // A real server's authorizer hears of new roles by a watch.
    await eventually(async () => expect(await may(asked[0] ?? {})).toBe(true));
    expect(await Promise.all(asked.map(may))).toEqual([true, true, false, false, false, false]);
  });

  test('a token of a ServiceAccount says whose it is, until the account is gone', async () => {
    const { namespace } = bench;
    const { metadata } = await core().createNamespacedServiceAccount({
      namespace,
      body: { metadata: { name: bench.name() } },
    });
    const { name = '' } = metadata ?? {};
    const { status } = await core().createNamespacedServiceAccountToken({
      name,
      namespace,
      body: { spec: {} },
    });
    const { token = '', expirationTimestamp } = status ?? {};
    expect(expirationTimestamp?.getTime()).toBeGreaterThan(Date.now());
    const review = (asked: string) =>
      bench.official.makeApiClient(AuthenticationV1Api).createTokenReview({ body: { spec: { token: asked } } });
    expect((await review(token)).status).toMatchObject({
      authenticated: true,
      user: {
        username: `system:serviceaccount:${namespace}:${name}`,
        uid: metadata?.uid,
        groups: expect.arrayContaining([`system:serviceaccounts:${namespace}`, 'system:authenticated']),
      },
    });
    const refused = await review(`${token}x`);
    expect(refused.status).toMatchObject({ error: expect.stringContaining('invalid bearer token') });
    expect(refused.status?.authenticated ?? false).toBe(false);
    await expect(
      core().createNamespacedServiceAccountToken({ name: bench.name(), namespace, body: { spec: {} } }),
    ).rejects.toMatchObject({ code: 404 });
    await core().deleteNamespacedServiceAccount({ name, namespace });
    await eventually(async () => expect((await review(token)).status?.authenticated ?? false).toBe(false));
  });

  test('what the server is', async () => {
    const { gitVersion } = await bench.official.makeApiClient(VersionApi).getCode();
    expect(gitVersion).toMatch(/^v1\./);
    const { resources } = await core().getAPIResources();
    expect(resources.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['pods', 'pods/binding', 'pods/eviction', 'pods/status', 'configmaps', 'nodes']),
    );
  });
}
