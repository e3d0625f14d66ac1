import { describe, expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { DISK, KEEP, LOST } from '../../model/well-known.ts';
import { dataLeft, isLeaving, isTheNodesOwn, lossOf } from './lost-volume.ts';

const GRACE_MS = 1000;
const volume = (annotations: Record<string, string> = {}, deleted = true): LocalVolume => ({
  metadata: { name: 'v', annotations, ...(deleted && { deletionTimestamp: '2026-11-28T09:00:00Z' }) },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' },
  status: { phase: 'Ready', sizeBytes: 2 * GIB },
});
const here = { goneForMs: undefined, nodeLost: undefined };

describe('a volume', () => {
  test('is not lost while its Node exists', () => {
    expect(lossOf(volume(), here, GRACE_MS)).toEqual({ kind: 'none' });
  });

  test('whose Node is gone is lost after the grace time, and not before', () => {
    expect(lossOf(volume(), { ...here, goneForMs: 999 }, GRACE_MS)).toEqual({ kind: 'wait', afterMs: 1 });
    expect(lossOf(volume(), { ...here, goneForMs: 1000 }, GRACE_MS)).toMatchObject({
      kind: 'lost',
      cause: 'node-gone',
    });
  });

  test('is lost at once when an administrator says so of it or of its node, with the reason', () => {
    const why = expect.stringContaining('burnt') as string;
    const lost = { kind: 'lost', cause: 'administrator', why };
    expect(lossOf(volume({ [LOST]: 'burnt' }), here, GRACE_MS)).toEqual(lost);
    expect(lossOf(volume(), { ...here, nodeLost: 'burnt' }, GRACE_MS)).toEqual(lost);
  });

  test('leaves when it is deleted and nobody keeps its data', () => {
    expect([volume(), volume({ [KEEP]: 'x' }), volume({}, false)].map(isLeaving)).toEqual([true, false, false]);
  });

  test('is the business of its node alone when it is inline, or was never made', () => {
    const ready = volume({}, false);
    const inline = { ...ready, spec: { ...ready.spec, role: 'Ephemeral' as const } };
    const { status, ...unmade } = ready;
    expect(status?.phase).toBe('Ready');
    expect([ready, inline, unmade, volume()].map(isTheNodesOwn)).toEqual([false, true, true, false]);
  });
});

test('what is left is told with its size, its node and its disks', () => {
  expect(dataLeft(volume(), ['/dev/sdb', '/dev/sdc'])).toBe(
    'logical volume pool-0/v (2 GiB) on /dev/sdb, /dev/sdc of node n1',
  );
  expect(dataLeft(volume(), [])).toBe('logical volume pool-0/v (2 GiB) of node n1');
  const disk = volume({ [DISK]: 'wwn-0x5000' });
  const device: LocalVolume = { ...disk, spec: { ...disk.spec, kind: 'Device', path: '/dev/sdd' } };
  expect(dataLeft(device, [])).toBe('disk /dev/sdd (2 GiB, wwn-0x5000) of node n1');
});
