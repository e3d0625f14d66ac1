import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { silentLog, type Log } from '../../model/log.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { createOldInlineVolumes } from './old-inline-volumes.ts';

const ID = inlineVolumeId('p', 'scratch');
const reporting = (name: string): NodeLocalStorage => ({
  metadata: { name: 'n' },
  status: {
    nodeStorageInfo: {
      volumeGroups: [
        {
          ...{ name: 'pool-0', physicalVolumes: [], total: 100, available: 0, allocatable: 100 },
          logicalVolumes: [{ name, vgname: 'pool-0', total: 100 }],
        },
      ],
    },
    filteredStorageInfo: { volumeGroups: ['pool-0'] },
  },
});

async function find(text: string | undefined, nls?: NodeLocalStorage) {
  const kubeletDir = await mkdtemp(path.join(tmpdir(), 'old-'));
  onTestFinished(() => rm(kubeletDir, { recursive: true }));
  if (text !== undefined) await writeFile(path.join(kubeletDir, 'open-local-volumes.json'), text);
  const warned: unknown[] = [];
  const log: Log = { ...silentLog, warn: (fields) => void warned.push(fields) };
  return { group: await createOldInlineVolumes({ kubeletDir, nls: () => nls, log })(ID), warned };
}

test.each<[string, string | undefined, NodeLocalStorage | undefined, string | undefined]>([
  ['what its driver remembered', JSON.stringify({ [ID]: `/dev/pool-1/${ID}` }), undefined, 'pool-1'],
  ['the report of the node, whatever was remembered', '', reporting(ID), 'pool-0'],
  ['nothing, for a volume that neither knows', '{}', reporting('other'), undefined],
  ['nothing, without a file', undefined, undefined, undefined],
  ['nothing, for a device of another name', JSON.stringify({ [ID]: '/dev/pool-1/root' }), undefined, undefined],
  ['nothing, for a device somewhere else', JSON.stringify({ [ID]: `/dev/../etc/x/${ID}` }), undefined, undefined],
  ['nothing, for what is no text', JSON.stringify({ [ID]: 7 }), undefined, undefined],
  ['nothing, for an empty list', 'null', undefined, undefined],
])('the group of an old inline volume is told by %s', async (_, text, nls, group) => {
  expect(await find(text, nls)).toEqual({ group, warned: [] });
});

test('D8: a file that was cut while it was written is told, and stops nobody', async () => {
  const { group, warned } = await find(`{"${ID}":"/dev/poo`);
  expect(group).toBeUndefined();
  expect(warned).toHaveLength(1);
});
