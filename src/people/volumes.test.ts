import { expect, test } from 'vitest';
import { GIB, MIB } from '../model/bytes.ts';
import { inlineVolumeId } from '../model/inline-volume.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { Pod } from '../model/objects.ts';
import { DEFAULT_DRIVER } from '../model/well-known.ts';
import { tellVolumes } from './tell-volumes.ts';
import { volumeRows, type VolumeSources } from './volumes.ts';

const volume = (
  name: string,
  spec: Partial<LocalVolume['spec']> = {},
  status?: LocalVolume['status'],
): LocalVolume => ({
  metadata: { name },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool', sizeBytes: GIB, role: 'Volume', ...spec },
  status: status ?? { phase: 'Ready', sizeBytes: spec.sizeBytes ?? GIB },
});
const data = { claim: { namespace: 'shop', name: 'data' } };
const pod = (name: string, volumes: object[], phase = 'Running'): Pod => ({
  metadata: { name, namespace: 'shop', uid: `uid-${name}` },
  spec: { volumes: volumes as never },
  status: { phase },
});
const usesData = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
const healthy = { metadata: { name: 'n1' }, status: {} };
const rowsOf = (more: Partial<VolumeSources>) =>
  volumeRows({ volumes: [], storages: [healthy], pods: [], drivers: [DEFAULT_DRIVER], ...more });

test('a volume has the pods that use its claim, and not those that have ended', () => {
  const pods = [pod('a', usesData), pod('b', usesData), pod('c', usesData, 'Succeeded'), pod('d', [])];
  expect(rowsOf({ volumes: [volume('v', data)], pods })[0]?.pods).toEqual(['shop/a', 'shop/b']);
});

test('an inline volume has its pod', () => {
  const pods = [pod('a', [{ name: 'tmp', csi: { driver: DEFAULT_DRIVER, volumeAttributes: {} } }])];
  const volumes = [volume(inlineVolumeId('uid-a', 'tmp'), { role: 'Ephemeral' })];
  expect(rowsOf({ volumes, pods })[0]).toMatchObject({ role: 'Ephemeral', pods: ['shop/a'] });
});

test('limits are as people write them, and what the node provides is told while it is other', () => {
  const limits = { readBps: 50 * MIB, writeBps: 50 * MIB };
  const [row] = rowsOf({ volumes: [volume('v', { ...data, limits }, { phase: 'Ready', sizeBytes: GIB / 2 })] });
  expect(row).toMatchObject({ limits: '50Mi/s', size: GIB, provided: GIB / 2 });
});

test('what is wrong with a volume is told: by its status, by its node, and what one waits for', () => {
  const lost = volume('lost', {}, { phase: 'Failed', sizeBytes: GIB, reason: 'VolumeLost', message: 'It is gone.' });
  const copied = volume('copy', {}, { phase: 'Pending', progress: 7, reason: 'Copying', message: '7 %.' });
  const silent = volume('away', { nodeName: 'n2' });
  const rows = rowsOf({ volumes: [lost, copied, silent] });
  expect(rows.map(({ name, faults }) => [name, ...faults.map(({ kind, reason }) => `${kind} ${reason}`)])).toEqual([
    ['away', 'inaccessible NodeNotReporting'],
    ['copy', 'waiting Copying'],
    ['lost', 'data-loss VolumeLost'],
  ]);
});

test('the table leaves out what nobody has, and marks what is wrong', () => {
  const deleting = { ...volume('old', data), metadata: { name: 'old', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const copied = volume('copy', {}, { phase: 'Pending', progress: 7, reason: 'Copying', message: '7 %.' });
  const away = volume('away', { nodeName: 'n2', role: 'Snapshot' });
  const lines = tellVolumes(rowsOf({ volumes: [deleting, copied, away] }), { width: 80, colour: false });
  expect(lines.slice(0, 4)).toEqual([
    'CLAIM      NODE  GROUP  SIZE  PHASE       VOLUME',
    'shop/data  n1    pool    1Gi  Deleting    old',
    'snapshot   n2    pool    1Gi  Ready !     away',
    'volume     n1    pool    1Gi  Pending 7%  copy',
  ]);
  expect(lines.join(' ')).toContain('away: inaccessible (NodeNotReporting): volume away on node n2:');
  expect(lines).toContain('copy: waiting (Copying): 7 %.');
});
