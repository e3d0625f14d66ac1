import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRequest } from '../../../sandbox/controllers/provisioning.ts';
import { judgeClaim } from '../../model/claim-judge.ts';
import { classFacts } from '../../model/decode.ts';
import { claimFacts } from '../../model/decode-claim.ts';
import { Fault } from '../../model/fault.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../model/objects.ts';
import { parseStorageClass } from '../../model/storage-class.ts';
import { parseCreateVolume } from './wanted-volume.ts';

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });

const claims = fc.record({
  accessModes: fc.uniqueArray(fc.constantFrom('ReadWriteOnce', 'ReadWriteOncePod', 'ReadOnlyMany', 'ReadWriteMany'), {
    minLength: 1,
  }),
  volumeMode: optional(fc.constantFrom('Block' as const, 'Filesystem' as const)),
  request: fc.constantFrom('1', '1Mi', '255Mi', '256Mi', '299Mi', '300Mi', '1Gi', '9Pi'),
  limit: optional(fc.constantFrom('1Mi', '200Mi', '300Mi', '2Gi')),
});

const parameters = fc.record(
  {
    volumeType: fc.constantFrom('LVM', 'Device', 'MountPoint', 'lvm'),
    'csi.storage.k8s.io/fstype': fc.constantFrom('', 'ext4', 'xfs', 'btrfs', 'ntfs'),
    vgName: fc.constantFrom('', 'pool-0'),
    lvmType: fc.constantFrom('linear', 'striping', 'mirror'),
    mediaType: fc.constantFrom('ssd', 'nvme'),
    bps: fc.constantFrom('10m', '0', '1', '1Mi', 'fast'),
    iops: fc.constantFrom('5', '500'),
  },
  { requiredKeys: [] },
);

const mountOptions = optional(
  fc.uniqueArray(fc.constantFrom('noatime', 'discard', 'data=journal', 'nouuid', 'bind', 'ro', 'rw'), { maxLength: 2 }),
);

/** What filter makes of the claim: the size to look for, or words of refusal. */
function filterSays(claim: PersistentVolumeClaim, storageClass: StorageClass): number | string {
  try {
    const { requested, use } = claimFacts(claim);
    const { parameters: values, mountOptions: options } = classFacts(storageClass);
    const judged = judgeClaim(parseStorageClass(values, options), requested, use);
    return 'problem' in judged ? judged.problem : judged.size;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function createSays(claim: PersistentVolumeClaim, storageClass: StorageClass): number | string {
  try {
    return parseCreateVolume(createRequest({ claim, storageClass }), { nodesAt: () => [] }).size;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

test('what CreateVolume refuses for its claim or class, filter refuses, and else both count the same size', () => {
  fc.assert(
    fc.property(claims, parameters, mountOptions, ({ accessModes, volumeMode, request, limit }, values, options) => {
      const metadata = { name: 'c', namespace: 'n', uid: 'u' };
      const resources = { requests: { storage: request }, ...(limit && { limits: { storage: limit } }) };
      const claim = { metadata, spec: { accessModes, resources, ...(volumeMode && { volumeMode }) } };
      const storageClass = {
        metadata: { name: 's' },
        provisioner: 'local.csi.aliyun.com',
        parameters: values,
        ...(options && { mountOptions: options }),
      };
      const created = createSays(claim, storageClass);
      const filtered = filterSays(claim, storageClass);
      const [said, counted] = [created, filtered].map((answer) => (typeof answer === 'number' ? answer : 'refused'));
      expect(counted).toBe(said);
    }),
    { numRuns: 2000 },
  );
});
