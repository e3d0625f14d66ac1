import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { unstageLeft } from './left-staged.ts';

const folderOf = (handle: string): string => createHash('sha256').update(handle).digest('hex');
const volumes = (...names: string[]) => new Map(names.map((name) => [name, sampleLocalVolume({ meta: { name } })]));

/** What is to be done for snapshot s1, which is mounted where the kubelet stages, in a folder of this name. */
async function planFor(folder: string, record: string | undefined, others: readonly string[]) {
  const root = await mkdtemp(path.join(tmpdir(), 'left-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const target = path.join(root, 'plugins/kubernetes.io/csi/local.csi.aliyun.com', folder, 'globalmount');
  await mkdir(target, { recursive: true });
  if (record !== undefined) await writeFile(path.join(target, '../vol_data.json'), record);
  const message = `Logical volume pool-0/s1 is mounted at ${target}: it is removed once no pod uses it.`;
  const status = { phase: 'Deleting', sizeBytes: GIB, reason: 'InUse', message } as const;
  const snapshot = sampleLocalVolume({ meta: { name: 's1' }, spec: { role: 'Snapshot' }, status });
  const step = await unstageLeft(snapshot, { message, targets: [target] }, volumes('s1', ...others));
  return step?.kind;
}

const recordOf = (volumeHandle: string): string => JSON.stringify({ volumeHandle });

test.each<[string, string, string | undefined, readonly string[], 'unstage' | undefined]>([
  ['a volume that is gone', folderOf('r1'), recordOf('r1'), ['v1'], 'unstage'],
  ['one that is gone, and whose record cannot be read', folderOf('r1'), '{', ['v1'], 'unstage'],
  ['one that is gone, without a record', folderOf('r1'), undefined, ['v1'], 'unstage'],
  ['one that is gone, as before Kubernetes 1.24', 'pv-r1', recordOf('r1'), ['v1'], 'unstage'],
  ['a volume that is there', folderOf('r1'), recordOf('r1'), ['r1'], undefined],
  ['one that is there, and whose record cannot be read', folderOf('r1'), '{', ['r1'], undefined],
  ['nobody knows which', 'pv-r1', '{', ['v1'], undefined],
])('a snapshot that is to be removed, and staged for %s', async (_, folder, record, others, kind) => {
  expect(await planFor(folder, record, others)).toBe(kind);
});
