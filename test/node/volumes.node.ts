// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import type { VolumeCapability } from '../../src/csi/gen/csi.ts';
import type { NodeLocalStorage } from '../../src/model/objects.ts';
import { STORAGE_RESERVED } from '../../src/model/well-known.ts';
import { NODE_LOCAL_STORAGES } from '../../src/kube/resource.ts';
import { testOn } from '../machine.ts';
import { ofWhole } from '../whole.ts';
import { NODE, type AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { createProgress } from './machine/progress.ts';
import { block, MIB, mounted, stagingOf, targetOf, type VolumesOn } from './agent/volumes-on.ts';

const test = testOn('root', 'qemu');
const testOfWhole = ofWhole(test);
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['data1', 'data2']));
  progress('the group is made');
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

async function publish(name: string, capability: VolumeCapability): Promise<void> {
  await on.stage(name, capability);
  await on.publish(name, capability, targetOf(name));
}

async function publishAfterBoot(name: string, capability: VolumeCapability): Promise<void> {
  await on.stageAfterBoot(name, capability);
  await on.publish(name, capability, targetOf(name));
}

async function remove(name: string): Promise<void> {
  await on.unpublish(name, targetOf(name));
  await on.unstage(name);
  await on.delete(name);
  await on.untilGone(name);
}

async function grow(name: string, mib: number, volumeCapability: VolumeCapability): Promise<void> {
  await on.change(name, { sizeBytes: mib * MIB });
  await on.until(name, ({ status }) => status?.phase === 'Ready' && (status.sizeBytes ?? 0) >= mib * MIB);
  const capacityRange = { requiredBytes: BigInt(mib * MIB), limitBytes: 0n };
  const paths = { volumePath: targetOf(name), stagingTargetPath: stagingOf(name) };
  await node.csi.nodeExpandVolume({ volumeId: name, ...paths, capacityRange, volumeCapability, secrets: {} }, signal);
}

/** Writes block after block of known content and syncs each, until told to stop; says how many it wrote. */
const startWriter = (file: string): Promise<string> =>
  on.bash(`rm -f /run/stop; (set -e; n=0; until [ -e /run/stop ]; do
    printf '%01048576d' "$n" | dd of=${file} bs=1M seek="$n" conv=notrunc,fsync iflag=fullblock status=none; n=$((n + 1)); [ "$n" -lt 200 ] || break
  done; echo "$n" > /run/written) > /run/writer.log 2>&1 &`);
const stopWriter = (): Promise<string> =>
  on.bash(
    'touch /run/stop; until [ -e /run/written ]; do sleep 0.1; done; cat /run/writer.log >&2; cat /run/written; rm /run/written',
  );
const readBack = (file: string, blocks: number): Promise<string> =>
  on.bash(
    `for ((n = 0; n < ${blocks}; n++)); do printf '%01048576d' "$n"; done | cmp -n ${blocks * MIB} - ${file} && echo same`,
  );
const mibOf = async (file: string): Promise<number> => Number(await on.bash(`df -m --output=size ${file} | tail -1`));

// Pods of a kubelet grow both, and meet power cuts.
for (const fsType of ['ext4', 'xfs']) {
  testOfWhole(`an ${fsType} volume grows while it is written, and has its data after a power cut`, async () => {
    const name = `local-${fsType}`;
    const capability = mounted(fsType);
    await on.create(name, 320, { fsType });
    await publish(name, capability);
    const file = `${targetOf(name)}/file`;
    const before = await mibOf(targetOf(name));
    const uuid = await on.bash(`blkid -p -s UUID -o value /dev/data/${name}`);

    await startWriter(file);
    await grow(name, 640, capability);
    const blocks = Number(await stopWriter());
    progress(`${fsType} has grown while ${blocks} MiB were written`);
    expect(blocks).toBeGreaterThan(0);
    expect((await mibOf(targetOf(name))) - before).toBeGreaterThan(280);

    await node.restart(signal);
    await publishAfterBoot(name, capability);
    expect(await on.bash(`blkid -p -s UUID -o value /dev/data/${name}`)).toBe(uuid);
    expect(await readBack(file, blocks)).toBe('same');
    progress(`${fsType} is back after a power cut`);

    await remove(name);
    expect(await on.bash('lvs --noheadings -o lv_name data')).toBe('');
    expect(await on.bash(`grep -c ${name} /proc/self/mountinfo || true`)).toBe('0');
  });
}

testOfWhole('a raw block volume grows while it is published, and has its data after a power cut', async () => {
  const name = 'local-block';
  const target = targetOf(name);
  await on.create(name, 64);
  await publish(name, block);
  expect(await on.bash(`stat -c %F ${target}`)).toBe('block special file');
  await startWriter(target);
  await grow(name, 256, block);
  const blocks = Math.min(Number(await stopWriter()), 64);
  expect(await on.bash(`blockdev --getsize64 ${target}`)).toBe(String(256 * MIB));
  await node.restart(signal);
  await publishAfterBoot(name, block);
  expect(await readBack(target, blocks)).toBe('same');
  await remove(name);
});

testOfWhole('after a boot volumes are activated where udev does not do it, and serve again', async () => {
  const name = 'local-inactive';
  await on.create(name, 64);
  await on.bash(`vgchange -qq -an data`);
  await node.stopAgent(signal);
  await node.startAgent(signal);
  await expect
    .poll(() => on.bash(`test -b /dev/data/${name} && echo there || true`), { timeout: 60_000 })
    .toBe('there');
  await on.delete(name);
  await on.untilGone(name);
});

test('a striped volume lies on both disks, and grows on both', async () => {
  await on.create('local-striped', 64, { layout: 'striped' });
  const stripes = () => on.bash('lvs --noheadings -o stripes,devices data/local-striped | xargs');
  expect(await stripes()).toMatch(/^2 \/dev\/sd[a-z]+\(\d+\),\/dev\/sd[a-z]+\(\d+\)$/);
  await on.change('local-striped', { sizeBytes: 128 * MIB });
  await on.until('local-striped', ({ status }) => (status?.sizeBytes ?? 0) >= 128 * MIB);
  expect(await stripes()).toMatch(/^2 /);
  expect(await on.bash('dmsetup table data-local--striped')).toMatch(/ striped 2 /);
  await on.delete('local-striped');
  await on.untilGone('local-striped');
});

testOfWhole('A1: reserved room is not told as allocatable, in bytes or in percent', async () => {
  const groupOf = async (reserved: string) => {
    const annotations = { [STORAGE_RESERVED]: JSON.stringify({ data: reserved }) };
    const body = { metadata: { annotations }, spec: { listConfig: { vgs: { include: ['data'] } } } };
    await node.client.patch(NODE_LOCAL_STORAGES, { name: NODE }, { type: 'merge', body }, signal);
    const want = (total: number) => (reserved.endsWith('%') ? total - total / 4 : total - 1024 * MIB);
    const nls = await node.until(({ status }) => {
      const found = status?.nodeStorageInfo?.volumeGroups?.find(({ name }) => name === 'data');
      return found !== undefined && Math.abs(found.allocatable - want(found.total)) < MIB;
    }, signal);
    return nls.status?.nodeStorageInfo?.volumeGroups?.find(({ name }) => name === 'data');
  };
  expect(await groupOf('1Gi')).toMatchObject({ name: 'data' });
  expect(await groupOf('25%')).toMatchObject({ name: 'data' });
});

test('a volume whose device is missing is an error, never a new empty one', async () => {
  const name = 'local-missing';
  await on.create(name, 320, { fsType: 'ext4' });
  await publish(name, mounted('ext4'));
  await on.bash(`echo kept > ${targetOf(name)}/file; sync`);
  await on.unpublish(name, targetOf(name));
  await on.unstage(name);
  await on.bash(`lvchange -an data/${name}`);
  await expect(publish(name, mounted('ext4'))).rejects.toMatchObject({ details: expect.stringMatching(/is missing/) });
  await on.bash(`lvchange -ay data/${name}`);
  await publish(name, mounted('ext4'));
  expect(await on.bash(`cat ${targetOf(name)}/file`)).toBe('kept');
  await remove(name);
});

test('D5: what was on a removed volume is not there for the next owner of its room', async () => {
  await on.create('local-first', 64);
  const secret = 'the secret of the first owner';
  await on.bash(
    `yes "${secret}" | dd of=/dev/data/local-first bs=1M count=64 iflag=fullblock oflag=direct status=none`,
  );
  const place = () => on.bash('pvs --noheadings -o pv_name,seg_start_pe,lv_name -S lv_name=~local- | xargs');
  const before = await place();
  await on.delete('local-first');
  await on.untilGone('local-first');
  await on.create('local-second', 64);
  expect((await place()).replace('second', 'first'), 'the same extents').toBe(before);
  expect(await on.bash(`grep -c "${secret}" /dev/data/local-second || true`)).toBe('0');
  expect(await on.bash(`cmp -n ${64 * MIB} /dev/zero /dev/data/local-second && echo zeros`)).toBe('zeros');
  await on.delete('local-second');
  await on.untilGone('local-second');
});

testOfWhole('a volume to which no file in /dev leads any more gets one, is served, and is removed', async () => {
  const name = 'local-pathless';
  const isThere = () => on.bash(`test -b /dev/data/${name} && echo there || true`);
  const loseIt = async () => {
    await on.bash(`rm /dev/data/${name}; rm -f /dev/mapper/data-local--pathless`);
    expect(await isThere()).toBe('');
  };
  await on.create(name, 320, { fsType: 'ext4' });
  await loseIt();
  await node.stopAgent(signal);
  await node.startAgent(signal); // which looks at once
  await expect.poll(isThere, { timeout: 60_000 }).toBe('there');
  await publish(name, mounted('ext4'));
  await on.unpublish(name, targetOf(name));
  await on.unstage(name);
  await loseIt();
  await on.delete(name);
  await on.untilGone(name);
  expect(await on.bash('lvs --noheadings -o lv_name data')).toBe('');
});

testOfWhole('nothing is made over a volume that is active and that the metadata of its group has lost', async () => {
  const name = 'local-forgotten';
  const isTold = ({ status }: NodeLocalStorage) =>
    status?.conditions?.some(({ reason }) => reason === 'MetadataLost') ?? false;
  await on.bash('vgcfgbackup -qq -f /run/before data');
  await on.create(name, 64);
  await on.bash('vgcfgbackup -qq -f /run/after data; vgcfgrestore -qq -y -f /run/before data');
  await node.stopAgent(signal);
  await node.startAgent(signal);
  await node.until(isTold, signal);
  await on.until(name, ({ status }) => status?.reason === 'VolumeLost' && /has lost/.test(status.message ?? ''));
  await on.order('local-over', 64);
  await on.until('local-over', ({ status }) => status?.reason === 'GroupMismatch');
  await on.bash('vgcfgrestore -qq -y -f /run/after data');
  await node.stopAgent(signal);
  await node.startAgent(signal);
  await node.until((nls) => !isTold(nls), signal);
  await on.until(name, ({ status }) => status?.phase === 'Ready' && status.reason === undefined);
  for (const each of [name, 'local-over']) {
    await on.delete(each);
    await on.untilGone(each);
  }
});
