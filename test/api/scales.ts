import { AppsV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { Resource } from '../../src/kube/resource.ts';
import { DEFINITIONS, refusal, served, type Thing, type Workbench } from './workbench.ts';

/** The scale of workloads and of custom kinds, and kinds in groups that end as Kubernetes' own. */
export function scales(bench: Workbench): void {
  const podSpec = { containers: [{ name: 'main', image: 'example.org/a:1' }] };

  test('a Deployment is scaled by its own subresource, as `kubectl scale` does', async () => {
    const apps = bench.official.makeApiClient(AppsV1Api);
    const app = bench.name();
    const at = { namespace: bench.namespace, name: app };
    const labels = { app, a: 'b' };
    await apps.createNamespacedDeployment({
      namespace: bench.namespace,
      body: {
        metadata: { name: app },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels, matchExpressions: [{ key: 'app', operator: 'In', values: [app] }] },
          template: { metadata: { labels }, spec: podSpec },
        },
      },
    });
    const scale = await apps.readNamespacedDeploymentScale(at);
    expect(scale).toMatchObject({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: at,
      spec: { replicas: 1 },
      status: { selector: `a=b,app=${app},app in (${app})` },
    });
    const patched = await apps.patchNamespacedDeploymentScale(
      { ...at, body: { spec: { replicas: 3 } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    expect(patched.spec?.replicas).toBe(3);
    expect((await apps.readNamespacedDeployment(at)).spec?.replicas).toBe(3);

    const path = `/apis/apps/v1/namespaces/${bench.namespace}/deployments/${app}/scale`;
    const put = async (body: object) => refusal(await bench.raw({ method: 'PUT', path, body }));
    expect(await put({ metadata: scale.metadata ?? {}, spec: { replicas: 0 } })).toMatchObject({ code: 409 });
    expect(await put({ metadata: { name: app }, spec: { replicas: -1 } })).toEqual({
      code: 422,
      reason: 'Invalid',
      causes: ['spec.replicas FieldValueInvalid'],
    });
    const body = { metadata: { name: app, namespace: bench.namespace }, spec: { replicas: 0 } };
    expect((await apps.replaceNamespacedDeploymentScale({ ...at, body })).spec?.replicas ?? 0).toBe(0);
    expect((await apps.readNamespacedDeployment(at)).spec?.replicas).toBe(0);
    await apps.deleteNamespacedDeployment({ ...at, propagationPolicy: 'Background' });
  });

  test('a kind without replicas has no scale, and nothing is posted to one', async () => {
    const at = `namespaces/${bench.namespace}`;
    for (const [method, path, code] of [
      ['GET', `/api/v1/${at}/configmaps/x/scale`, 404],
      ['GET', `/apis/apps/v1/${at}/daemonsets/x/scale`, 404],
      ['POST', `/apis/apps/v1/${at}/deployments/x/scale`, 405],
      ['GET', `/apis/apps/v1/${at}/deployments/x/scale`, 404],
    ] as const)
      expect((await bench.raw({ method, path, ...(method === 'POST' ? { body: {} } : {}) })).code).toBe(code);
  });

  test('a custom kind in a group of Kubernetes is custom: it needs an approval, and is ordered and scaled as one', async () => {
    const { client, signal, namespace } = bench;
    const group = `${bench.name()}.storage.k8s.io`;
    const name = `gadgets.${group}`;
    const gadgets: Resource<Thing> = { group, version: 'v1', plural: 'gadgets', kind: 'Gadget', namespaced: true };
    const definition = (annotations: Record<string, string>) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name, annotations },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            subresources: {
              scale: {
                specReplicasPath: '.spec.count',
                statusReplicasPath: '.status.count',
                labelSelectorPath: '.status.pods',
              },
            },
          },
        ],
      },
    });
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const cause = 'metadata.annotations[api-approved.kubernetes.io]';
    const define = (annotations: Record<string, string>) =>
      bench.raw({ method: 'POST', path, body: definition(annotations) });
    expect(refusal(await define({})).causes).toEqual([`${cause} FieldValueRequired`]);
    expect(refusal(await define({ 'api-approved.kubernetes.io': 'yes' })).causes).toEqual([
      `${cause} FieldValueInvalid`,
    ]);
    expect((await define({ 'api-approved.kubernetes.io': 'unapproved, a test' })).code).toBe(201);
    await served(client, gadgets);
    const spec = { count: 2, b: 1, a: 1 };
    const gadget = { apiVersion: `${group}/v1`, kind: 'Gadget', metadata: { name: 'g', namespace }, spec };
    await client.create(gadgets, gadget, signal);

    const ofGadgets = `/apis/${group}/v1/namespaces/${namespace}/gadgets`;
    const listed = (await bench.raw({ path: ofGadgets })).text;
    expect(listed).toContain('"spec":{"a":1,"b":1,"count":2}');
    expect(listed).toContain(`"apiVersion":"${group}/v1","kind":"Gadget","metadata":`);
    const strategic = { method: 'PATCH', path: `${ofGadgets}/g`, type: 'application/strategic-merge-patch+json' };
    expect((await bench.raw({ ...strategic, body: {} })).code).toBe(415);

    const scale = `${ofGadgets}/g/scale`;
    const patch = { method: 'PATCH', path: scale, type: 'application/merge-patch+json' };
    expect((await bench.raw({ path: scale })).json()).toMatchObject({ kind: 'Scale', spec: { replicas: 2 } });
    expect((await bench.raw({ ...patch, body: { spec: { replicas: 5 } } })).code).toBe(200);
    expect(await client.get(gadgets, { namespace, name: 'g' }, signal)).toMatchObject({ spec: { ...spec, count: 5 } });
    await client.delete(DEFINITIONS, { name }, signal);
  });
}
