import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../model/log.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { PUBLISHED_AT } from '../../model/well-known.ts';
import type { MountEntry } from '../../mount/mountinfo.ts';
import { createLostInlineVolumes } from './lost-inline-volumes.ts';
import { sampleLocalVolume, sampleMount } from '../storage-fixture.ts';

const never = new AbortController().signal;

/** A kubelet's folder with one other pod, and an inline volume of which it knows nothing. */
async function rig(more: { readonly spec?: Partial<LocalVolume['spec']>; readonly meta?: object } = {}) {
  const kubelet = await mkdtemp(path.join(tmpdir(), 'kubelet-'));
  onTestFinished(() => rm(kubelet, { recursive: true, force: true }));
  const folderOf = (pod: string): string => path.join(kubelet, 'pods', pod, 'volumes/kubernetes.io~csi/scratch');
  const target = path.join(folderOf('u-1'), 'mount');
  await mkdir(path.join(kubelet, 'pods/other'), { recursive: true });
  const meta = { annotations: { [PUBLISHED_AT]: target }, ...more.meta };
  const volumes = new Map([['v1', sampleLocalVolume({ spec: { role: 'Ephemeral', ...more.spec }, meta })]]);
  const entries: MountEntry[] = [];
  const deleted: string[] = [];
  const events: string[] = [];
  const look = createLostInlineVolumes({
    client: { delete: (_, { name }) => Promise.resolve(void deleted.push(name)) },
    volumes,
    mounts: { list: () => Promise.resolve(entries) },
    kubeletDir: kubelet,
    record: (_, { reason }) => void events.push(reason),
    log: silentLog,
  });
  /** The kubelet's record has this text since so many seconds. */
  const remember = async (text = '{}', seconds = 0): Promise<void> => {
    const file = path.join(folderOf('u-1'), 'vol_data.json');
    await mkdir(folderOf('u-1'), { recursive: true });
    await writeFile(file, text);
    const then = Date.now() / 1000 - seconds;
    await utimes(file, then, then);
  };
  const twice = async (): Promise<void> => {
    await look(never);
    await look(never);
  };
  return {
    kubelet,
    target,
    entries,
    deleted,
    events,
    look,
    twice,
    remember,
    forget: () => rm(folderOf('u-1'), { recursive: true }),
  };
}

test('an inline volume of which the kubelet knows nothing goes, and says so', async () => {
  const it = await rig();
  await it.twice();
  expect([it.deleted, it.events]).toEqual([['v1'], ['PodGone']]);
});

test('an adopted one is looked for in the folder of the kubelet of its node', async () => {
  const at = 'pods/u-1/volumes/kubernetes.io~csi/scratch/mount';
  const it = await rig({ meta: { annotations: { [PUBLISHED_AT]: at } } });
  await it.remember();
  await it.twice();
  expect(it.deleted).toEqual([]);
  await it.forget();
  await it.twice();
  expect(it.deleted).toEqual(['v1']);
});

test('one look is not enough', async () => {
  const it = await rig();
  await it.look(never);
  await it.remember();
  await it.look(never);
  await it.forget();
  await it.look(never);
  expect(it.deleted).toEqual([]);
});

test('one that the kubelet knows stays', async () => {
  const it = await rig();
  await it.remember();
  await it.twice();
  expect(it.deleted).toEqual([]);
});

test.each([
  ['is empty', '', 120, ['v1']],
  ['is full of zeros', '\0\0\0', 120, ['v1']],
  ['ends in the middle', '{"specVolID":"scr', 120, ['v1']],
  ['is from before a clock was set back', '', -120, ['v1']],
  ['is just being written', '', 1, []],
])('one whose record %s is forgotten after a power cut: %j, for %i s', async (_, text, seconds, deleted) => {
  const it = await rig();
  await it.remember(text, seconds);
  await it.twice();
  expect(it.deleted).toEqual(deleted);
});

test('one that is mounted stays', async () => {
  const it = await rig();
  it.entries.push(sampleMount(it.target));
  await it.twice();
  expect(it.deleted).toEqual([]);
});

test('without any pod in its folder nothing is known of what the kubelet knows', async () => {
  const it = await rig();
  await rm(path.join(it.kubelet, 'pods/other'), { recursive: true });
  await it.twice();
  await rm(path.join(it.kubelet, 'pods'), { recursive: true });
  await it.twice();
  expect(it.deleted).toEqual([]);
});

test.each<[string, Parameters<typeof rig>[0]]>([
  ['of a claim', { spec: { role: 'Volume' } }],
  ['on its way out', { meta: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
  ['of which nobody wrote down where it was', { meta: { annotations: {} } }],
  ['that was elsewhere than the kubelet has volumes', { meta: { annotations: { [PUBLISHED_AT]: '/x/mount' } } }],
])('a volume %s is nothing to this', async (_, more) => {
  const it = await rig(more);
  await it.twice();
  expect(it.deleted).toEqual([]);
});
