import { expect, test } from 'vitest';
import { luksUuidOf } from '../../crypt/names.ts';
import type { ListOptions, ListPage } from '../../kube/client.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { KubeObject } from '../../model/objects.ts';
import { DISK, FORMATTING } from '../../model/well-known.ts';
import { sampleLocalVolume, unitSpec } from '../storage-fixture.ts';
import { createDisksElsewhere, rawSharerOf, sharerOf } from './disk-of-two-nodes.ts';

const never = new AbortController().signal;

const volume = (name: string, disk?: string, uuid?: string): LocalVolume => {
  const annotations = { ...(disk ? { [DISK]: disk } : {}), ...(uuid ? { [FORMATTING]: `ext4 ${uuid}` } : {}) };
  return {
    ...sampleLocalVolume({ meta: { name, annotations } }),
    spec: { ...unitSpec('Device', '/dev/sdb'), nodeName: `node-of-${name}` },
  };
};
const sealed = (name: string, disk: string): LocalVolume => {
  const plain = volume(name, disk);
  return { ...plain, spec: { ...plain.spec, encryption: 'luks2' } };
};

test.each<[string, LocalVolume, readonly string[], LocalVolume, string | undefined]>([
  ['the same disk, and what it was given', volume('v1', 'naa.1 5'), ['u-2'], volume('v2', 'naa.1 5', 'u-2'), 'v2'],
  ['one of several', volume('v1', 'naa.1 5'), ['u-9', 'u-2'], volume('v2', 'naa.1 5', 'u-2'), 'v2'],
  ['its header', volume('v1', 'naa.1 5'), [luksUuidOf('v2')], sealed('v2', 'naa.1 5'), 'v2'],
  [
    'another content, as of a cloned machine',
    volume('v1', 'naa.1 5'),
    ['u-3'],
    volume('v2', 'naa.1 5', 'u-2'),
    undefined,
  ],
  ['a copy of it on another disk', volume('v1', 'naa.2 5'), ['u-2'], volume('v2', 'naa.1 5', 'u-2'), undefined],
  ['a raw one, which was given nothing', volume('v1', 'naa.1 5'), ['u-2'], volume('v2', 'naa.1 5'), undefined],
  ['nothing that it tells of itself', volume('v1'), ['u-2'], volume('v2', undefined, 'u-2'), undefined],
])('the disk of a volume has %s', (_, own, uuids, other, found) => {
  expect(sharerOf(own, uuids, [other])?.metadata.name).toBe(found);
});

const serving = (made: LocalVolume, phase: 'Ready' | 'Failed' = 'Ready'): LocalVolume => ({
  ...made,
  status: { phase },
});

test.each<[string, LocalVolume, LocalVolume, string | undefined]>([
  ['a raw one that serves', volume('v1', 'naa.1 5'), serving(volume('v2', 'naa.1 5')), 'v2'],
  ['a raw one on an NVMe disk', volume('v1', 'eui.1 5'), serving(volume('v2', 'eui.1 5')), 'v2'],
  ['a raw one that misses its disk', volume('v1', 'naa.1 5'), serving(volume('v2', 'naa.1 5'), 'Failed'), undefined],
  ['one that was given something', volume('v1', 'naa.1 5'), serving(volume('v2', 'naa.1 5', 'u-2')), undefined],
  ['a raw one on another disk', volume('v1', 'naa.1 5'), serving(volume('v2', 'naa.1 6')), undefined],
  ['a serial number, as of a cloned machine', volume('v1', 'disk-1 5'), serving(volume('v2', 'disk-1 5')), undefined],
  [
    'one that is being deleted',
    volume('v1', 'naa.1 5'),
    {
      ...serving(volume('v2', 'naa.1 5')),
      metadata: { ...volume('v2', 'naa.1 5').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    },
    undefined,
  ],
])('a raw volume shares its disk with %s', (_, own, other, found) => {
  expect(rawSharerOf(own, [other])?.metadata.name).toBe(found);
});

test('disks of other nodes are asked for page by page', async () => {
  const pages = [
    [volume('v1', 'naa.1 5'), sampleLocalVolume({ meta: { name: 'lvm' } })],
    [volume('v2', 'naa.2 5'), volume('own', 'naa.3 5')],
  ];
  const asked: (string | undefined)[] = [];
  const list = <T extends KubeObject>(_: unknown, options: ListOptions): Promise<ListPage<T>> => {
    asked.push(options.continue);
    const items = pages[asked.length - 1] as unknown as T[];
    return Promise.resolve({ items, resourceVersion: '1', ...(asked.length === 1 ? { continue: 'more' } : {}) });
  };
  const found = await createDisksElsewhere({ list }, 'node-of-own')(never);
  expect(found.map(({ metadata }) => metadata.name)).toEqual(['v1', 'v2']);
  expect(asked).toEqual([undefined, 'more']);
});
