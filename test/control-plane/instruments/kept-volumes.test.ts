import { expect, test } from 'vitest';
import { lostOf } from './kept-volumes.ts';

const pods = [{ name: 'a', sizes: ['1Gi', '1Gi'] }];
const claims = ['a-0', 'a-1'].map((name) => ({
  metadata: { name },
  spec: { volumeName: `pv-${name}` },
  status: { phase: 'Bound' as const },
}));
const volumes = ['a-0', 'a-1'].map((name) => ({
  metadata: { name: `pv-${name}` },
  spec: { csi: { driver: 'd', volumeHandle: `local-${name}` } },
  status: { phase: 'Bound' as const },
}));
const localVolumes = ['a-0', 'a-1'].map((name) => ({
  metadata: { name: `local-${name}` },
  spec: { nodeName: 'n', vgName: 'g', sizeBytes: 1 },
}));
const all = { claims, volumes, localVolumes } as unknown as Parameters<typeof lostOf>[1];

test('pods that have all their volumes have lost nothing', () => {
  expect(lostOf(pods, all)).toEqual([]);
});

test.each([
  ['a claim', { claims: claims.slice(1) }, ['claim a-0 is gone']],
  ['the binding of a claim', { claims: [claims[1], { metadata: { name: 'a-0' } }] }, ['claim a-0 is not bound']],
  ['a PersistentVolume', { volumes: volumes.slice(1) }, ['the volume of claim a-0 is gone or not bound']],
  ['a LocalVolume', { localVolumes: localVolumes.slice(1) }, ['claim a-0 has no LocalVolume']],
])('%s that is lost is told', (_, less, found) => {
  expect(lostOf(pods, { ...all, ...less } as typeof all)).toEqual(found);
});

test('nothing can be said of pods without claims', () => {
  expect(() => lostOf([{ name: 'a', sizes: [] }], all)).toThrow(/no claims/);
});
