import { expect, test } from 'vitest';
import { Volume } from '../../src/csi/gen/csi.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../src/model/objects.ts';
import { createRequest, persistentVolumeFor } from './provisioning.ts';

const GIB = 1024n ** 3n;
const storageClass: StorageClass = {
  metadata: { name: 'open-local-lvm' },
  provisioner: 'local.csi.aliyun.com',
  parameters: { volumeType: 'LVM', vgName: 'pool-1', 'csi.storage.k8s.io/fstype': 'xfs' },
  reclaimPolicy: 'Retain',
};
const claim = (spec: PersistentVolumeClaim['spec'] = {}): PersistentVolumeClaim => ({
  metadata: { name: 'data', namespace: 'shop', uid: '1-2' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'open-local-lvm',
    resources: { requests: { storage: '5Gi' } },
    ...spec,
  },
});
const topology = { segments: { 'kubernetes.io/hostname': 'node-1' } };

test('the request carries what the sidecar would send: size, topology, metadata, and no reserved parameter', () => {
  const { parameters, ...request } = createRequest({ claim: claim(), storageClass, topology });
  expect(request).toMatchObject({
    name: 'local-1-2',
    capacityRange: { requiredBytes: 5n * GIB, limitBytes: 0n },
    volumeCapabilities: [
      { accessType: { $case: 'mount', value: { fsType: 'xfs', mountFlags: [] } }, accessMode: { mode: 1 } },
    ],
    accessibilityRequirements: { requisite: [topology], preferred: [topology] },
  });
  expect(parameters).toEqual({
    volumeType: 'LVM',
    vgName: 'pool-1',
    'csi.storage.k8s.io/pvc/name': 'data',
    'csi.storage.k8s.io/pvc/namespace': 'shop',
    'csi.storage.k8s.io/pv/name': 'local-1-2',
  });
});

test.each<[string, PersistentVolumeClaim['spec'], object]>([
  [
    'a limit',
    { resources: { requests: { storage: '1Gi' }, limits: { storage: '2Gi' } } },
    { capacityRange: { requiredBytes: GIB, limitBytes: 2n * GIB } },
  ],
  ['a raw block volume', { volumeMode: 'Block' }, { volumeCapabilities: [{ accessType: { $case: 'block' } }] }],
  ['single-pod access', { accessModes: ['ReadWriteOncePod'] }, { volumeCapabilities: [{ accessMode: { mode: 6 } }] }],
])('%s', (_, spec, want) => {
  expect(createRequest({ claim: claim(spec), storageClass })).toMatchObject(want);
});

test('without a chosen node the driver is free, and an unknown access mode is refused', () => {
  expect(createRequest({ claim: claim(), storageClass }).accessibilityRequirements).toBeUndefined();
  expect(() => createRequest({ claim: claim({ accessModes: ['Sometimes'] }), storageClass })).toThrow(/"Sometimes"/);
});

const made = (bytes: bigint): Volume =>
  Volume.fromPartial({
    volumeId: 'local-1-2',
    capacityBytes: bytes,
    volumeContext: { vgName: 'pool-1' },
    accessibleTopology: [topology],
  });

test('the volume is tied to its claim and its node', () => {
  expect(persistentVolumeFor({ claim: claim(), storageClass }, made(5n * GIB))).toEqual({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'local-1-2', annotations: { 'pv.kubernetes.io/provisioned-by': 'local.csi.aliyun.com' } },
    spec: {
      capacity: { storage: '5Gi' },
      accessModes: ['ReadWriteOnce'],
      volumeMode: 'Filesystem',
      storageClassName: 'open-local-lvm',
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'data', namespace: 'shop', uid: '1-2' },
      csi: {
        driver: 'local.csi.aliyun.com',
        volumeHandle: 'local-1-2',
        fsType: 'xfs',
        volumeAttributes: { vgName: 'pool-1' },
      },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }] },
          ],
        },
      },
    },
  });
});

test('a volume smaller than asked for is not accepted', () => {
  expect(() => persistentVolumeFor({ claim: claim(), storageClass }, made(GIB))).toThrow(Fault);
});
