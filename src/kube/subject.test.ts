import { expect, test } from 'vitest';
import { CLAIMS, LOCAL_VOLUMES } from './resource.ts';
import { subjectOf } from './subject.ts';

test('names the object by what is known of it, and leaves out what is not', () => {
  expect(subjectOf(CLAIMS, { name: 'data', namespace: 'shop', uid: 'u1' })).toEqual({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    name: 'data',
    namespace: 'shop',
    uid: 'u1',
  });
  const bare = { apiVersion: 'csi.aliyun.com/v1alpha1', kind: 'LocalVolume', name: 'v' };
  expect(subjectOf(LOCAL_VOLUMES, { name: 'v', uid: '' })).toStrictEqual(bare);
  expect(subjectOf(LOCAL_VOLUMES, { name: 'v' })).toStrictEqual(bare);
});
