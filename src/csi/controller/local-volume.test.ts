import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { nodeLabelOf } from '../../model/node-label.ts';
import { checkSame, lostRecord, newLocalVolume } from './local-volume.ts';
import type { WantedVolume } from './wanted-volume.ts';

const wanted = (more: Partial<WantedVolume> = {}): WantedVolume => ({
  ...{ id: 'v', name: 'v', asked: {}, size: bytes(GIB), usage: { block: false }, attributes: {}, parameters: {} },
  ...{ policy: { kind: 'LVM', layout: 'linear', limits: {} }, ...more },
});
const inGroup = { kind: 'LVM', node: 'n1', vgName: 'pool-0', size: bytes(GIB) } as const;
const made = (more: Partial<WantedVolume> = {}): LocalVolume => newLocalVolume(wanted(more), inGroup);

test('a node with a name too long for a label is named whole in the spec, and by its label for the agent', () => {
  const node = `${'n'.repeat(100)}.example.com`;
  const { metadata, spec } = newLocalVolume(wanted(), { ...inGroup, node });
  expect(spec.nodeName).toBe(node);
  expect(metadata.labels).toMatchObject({ 'csi.aliyun.com/node': nodeLabelOf(node) });
  expect(nodeLabelOf(node).length).toBeLessThanOrEqual(63);
});

const disk = wanted({ policy: { kind: 'Device', layout: 'linear', limits: {} } });
const onDisk = newLocalVolume(disk, { kind: 'Device', node: 'n1', path: '/dev/sdb', size: bytes(GIB) });

test('a volume that has a whole disk is at its path, in no group, and the same when it is asked for again', () => {
  expect(onDisk.spec).toMatchObject({ kind: 'Device', path: '/dev/sdb' });
  expect([onDisk.spec.vgName, onDisk.spec.layout]).toEqual([undefined, undefined]);
  expect(() => checkSame(disk, onDisk)).not.toThrow();
});

test('a logical volume that lost its record is adopted by the new one, whatever tags it has', () => {
  const { spec } = lostRecord('v', { kind: 'found', node: 'n1', vgName: 'pool-0' });
  expect(spec).toEqual({
    ...{ nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', adopted: true, sizeBytes: 1, role: 'Volume' },
  });
});

const CLASS = { volumeType: 'LVM', iops: '5', mkfsOptions: '-m 0' };

test('parameters are told apart by what they say, not by their order, and not by the names of the claim', () => {
  const volume = made({ parameters: CLASS });
  // As it is recorded of volumes that are there: they are asked for again after an update of the program.
  expect(volume.spec.request?.parameters).toBe('1abcf53ba86a776405fa6199cd24caa6');
  const turned = Object.fromEntries(Object.entries(CLASS).toReversed());
  for (const parameters of [turned, { ...CLASS, 'csi.storage.k8s.io/pvc/name': 'data' }])
    expect(() => checkSame(wanted({ parameters }), volume)).not.toThrow();
  for (const parameters of [{ ...CLASS, iops: '6' }, { ...CLASS, more: 'x' }, {}])
    expect(() => checkSame(wanted({ parameters }), volume)).toThrow('with other StorageClass parameters');
});

test('of a volume whose parameters were not recorded any will do', () => {
  const { metadata, spec } = made();
  const older: LocalVolume = { metadata, spec: { ...spec, request: { name: 'v' } } };
  expect(() => checkSame(wanted({ parameters: CLASS }), older)).not.toThrow();
});

test.each([
  [{ volume: 'a' }, { volume: 'b' }, 'another source: b, not a'],
  [{ snapshot: 'a' }, { snapshot: 'b' }, 'another source: b, not a'],
  [{ snapshot: 'a' }, undefined, 'another source: none, not a'],
  [undefined, { volume: 'b' }, 'another source: b, not none'],
])('a volume that is to be filled from %o is not one that is filled from %o', (source, then, message) => {
  const volume = made(then ? { source: then } : {});
  expect(() => checkSame(wanted(source ? { source } : {}), volume)).toThrow(`volume v exists with ${message}`);
});
