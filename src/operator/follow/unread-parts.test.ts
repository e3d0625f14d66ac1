import { expect, test } from 'vitest';
import { parseWithout } from '../../kube/rest/unread-text.ts';
import { OUR_DRIVERS } from '../../model/decode.ts';
import type { LocalVolume, Pod } from '../../model/objects.ts';
import { UNREAD_OF_CUSTOM, UNREAD_OF_PODS } from './unread-parts.ts';
import { createViews } from './views.ts';

const views = createViews(OUR_DRIVERS);
const TEXTS = '"managedFields":[ "containers":[ ],"restartPolicy":" ]},"spec":{';

/** Fields stand as in the Go structs ObjectMeta, PodSpec, Container and PodStatus of k8s.io/api. */
const pod = (container: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'web-0',
    namespace: 'shop',
    uid: 'u1',
    annotations: { note: TEXTS },
    finalizers: ['x'],
    managedFields: [{ manager: 'kubelet', fieldsV1: { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': {} } } } }],
  },
  spec: {
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } },
      {
        name: 'tmp',
        ephemeral: { volumeClaimTemplate: { metadata: { finalizers: ['y'] }, spec: { storageClassName: 'c' } } },
      },
    ],
    initContainers: [{ name: 'first', resizePolicy: [{ resourceName: 'cpu' }], restartPolicy: 'Always' }],
    containers: [{ name: 'web', args: [TEXTS], ...container }],
    restartPolicy: 'Always',
    nodeName: 'node-a',
  },
  status: {
    phase: 'Succeeded',
    nominatedNodeName: 'node-b',
    containerStatuses: [{ name: 'web', image: 'registry/web' }],
    qosClass: 'Burstable',
  },
});

test.each([
  ['as most are', pod()],
  ['whose container has a policy of its own', pod({ resizePolicy: [{ resourceName: 'cpu' }], restartPolicy: 'Never' })],
])('of a pod %s all that is looked at is read', (_, object) => {
  const text = JSON.stringify(object);
  for (const line of [text, `{"type":"ADDED","object":${text}}`]) {
    const read = parseWithout(line, UNREAD_OF_PODS) as Pod & { object?: Pod };
    expect(views.pod(read.object ?? read)).toEqual(views.pod(object as unknown as Pod));
  }
});

test('its containers, and who wrote its fields, are not', () => {
  const { metadata, spec, status } = parseWithout(JSON.stringify(pod()), UNREAD_OF_PODS) as ReturnType<typeof pod>;
  expect([metadata.managedFields, spec.containers, status.containerStatuses]).toEqual([[], [], []]);
});

test('a custom object, whose keys are in the order of the alphabet, comes without who wrote its fields', () => {
  const metadata = { labels: { a: TEXTS }, managedFields: [{ manager: 'agent' }], name: 'v1', uid: 'u1' };
  const spec = { claim: { name: 'data', namespace: 'shop', uid: 'c1' }, kind: 'LVM', nodeName: 'node-a', sizeBytes: 5 };
  const object = { apiVersion: 'csi.aliyun.com/v1alpha1', kind: 'LocalVolume', metadata, spec };
  const read = parseWithout(JSON.stringify(object), UNREAD_OF_CUSTOM) as typeof object;
  expect(read).toEqual({ ...object, metadata: { ...metadata, managedFields: [] } });
  expect(views.volume(read as unknown as LocalVolume)).toEqual(views.volume(object as unknown as LocalVolume));
});
