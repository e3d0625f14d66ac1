import { expect, test } from 'vitest';
import type { LocalVolume } from '../../model/local-volume.ts';
import { toCsiGroupSnapshot } from './group-members.ts';

const topology = { hostnameOf: (node: string) => node };

const member = (name: string, takenAt?: string): LocalVolume => ({
  apiVersion: 'csi.aliyun.com/v1alpha1',
  kind: 'LocalVolume',
  metadata: { name },
  spec: {
    ...{ nodeName: 'n1', kind: 'LVM', vgName: 'data', sizeBytes: 1, role: 'Snapshot' },
    ...{ source: { volume: `of-${name}` }, groupSnapshot: 'g', groupSources: ['of-a', 'of-b'] },
  },
  status: takenAt === undefined ? { phase: 'Pending' } : { phase: 'Ready', snapshot: { takenAt } },
});
const A = member('a', '2026-01-02T03:04:06Z');
const B = member('b', '2026-01-02T03:04:05Z');

test('a group snapshot is ready once all of its snapshots are there, and each is ready', () => {
  const isReady = (...members: LocalVolume[]) => toCsiGroupSnapshot('g', members, topology).readyToUse;
  expect(isReady(A, B)).toBe(true);
  expect(isReady(A)).toBe(false);
  expect(isReady(A, member('b'))).toBe(false);
});

test('it is as old as the oldest of its snapshots, and of no age before the first is taken', () => {
  expect(toCsiGroupSnapshot('g', [A, B], topology).creationTime).toEqual(new Date('2026-01-02T03:04:05Z'));
  expect(toCsiGroupSnapshot('g', [member('a'), member('b')], topology).creationTime).toBeUndefined();
});
