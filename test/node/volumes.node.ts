// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../../src/csi/gen/csi.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import type { LocalVolume } from '../../src/model/objects.ts';
import { NODE_LABEL, VOLUME_FINALIZER } from '../../src/model/well-known.ts';
import { testOn } from '../machine.ts';
import { NODE, startAgentNode, type AgentNode } from './agent-node.ts';
import { createProgress } from './progress.ts';
import { linkOf } from './vm.ts';

const MIB = 1024 ** 2;
const test = testOn('root', 'qemu');
const progress = createProgress();
const signal = AbortSignal.timeout(900_000);
let node: AgentNode;

beforeAll(async () => {
  node = await startAgentNode(signal);
  await node.startAgent(signal);
  const disks = ['data1', 'data2'].map((serial) => ({ serial, file: path.join(node.vm.dir, `${serial}.img`) }));
  for (const { file } of disks) await writeFile(file, '').then(() => truncate(file, 2048 * MIB));
  await node.vm.attach(disks, signal);
  await node.ask(
    { resourceToBeInited: { vgs: [{ name: 'data', devices: disks.map(({ serial }) => linkOf(serial)) }] } },
    signal,
  );
  progress('the group is made');
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

const onNode = async (script: string): Promise<string> => (await node.vm.must(script, signal)).trim();
const stagingOf = (name: string): string => `/var/lib/kubelet/plugins/kubernetes.io/csi/${name}/globalmount`;
const targetOf = (name: string): string => `/var/lib/kubelet/pods/of-${name}/volumes/${name}/mount`;
const accessMode = { mode: Mode.SINGLE_NODE_WRITER };
const mounted = (fsType: string): VolumeCapability => ({
  accessType: { $case: 'mount', value: { fsType, mountFlags: [], volumeMountGroup: '' } },
  accessMode,
});
const block: VolumeCapability = { accessType: { $case: 'block', value: {} }, accessMode };

/** What the operator writes for a claim. */
function orderOf(name: string, mib: number, more: Partial<LocalVolume['spec']>): LocalVolume {
  const where = more.kind === undefined ? { vgName: 'data' } : {};
  return {
    apiVersion: 'csi.aliyun.com/v1alpha1',
    kind: 'LocalVolume',
    metadata: { name, labels: { [NODE_LABEL]: NODE }, finalizers: [VOLUME_FINALIZER] },
    spec: { nodeName: NODE, kind: 'LVM', ...where, sizeBytes: mib * MIB, role: 'Volume', ...more },
  };
}

async function create(name: string, mib: number, more: Partial<LocalVolume['spec']> = {}): Promise<LocalVolume> {
  await node.client.create(LOCAL_VOLUMES, orderOf(name, mib, more), signal);
  return untilReady(name, mib);
}

async function grow(name: string, mib: number): Promise<LocalVolume> {
  const body = { spec: { sizeBytes: mib * MIB } };
  await node.client.patch(LOCAL_VOLUMES, { name }, { type: 'merge', body }, signal);
  return untilReady(name, mib);
}

const untilReady = (name: string, mib: number): Promise<LocalVolume> =>
  untilVolume(name, ({ status }) => status?.phase === 'Ready' && (status.sizeBytes ?? 0) >= mib * MIB);

async function untilVolume(name: string, wanted: (volume: LocalVolume) => boolean): Promise<LocalVolume> {
  const { items, resourceVersion } = await node.client.list(LOCAL_VOLUMES, {}, signal);
  const found = items.find(({ metadata }) => metadata.name === name);
  if (found && wanted(found)) return found;
  for await (const event of node.client.watch(LOCAL_VOLUMES, { resourceVersion }, signal))
    if (event.type !== 'BOOKMARK' && event.object.metadata.name === name && wanted(event.object)) return event.object;
  throw new Error('the watch ended');
}

async function remove(name: string): Promise<void> {
  await node.client.delete(LOCAL_VOLUMES, { name }, signal);
  await untilGone(name);
}

async function untilGone(name: string): Promise<void> {
  const find = () => node.client.get(LOCAL_VOLUMES, { name }, signal).then(() => 'there', isNotFound);
  await expect.poll(find, { timeout: 90_000, interval: 200 }).toBe(true);
}

async function publish(name: string, volumeCapability: VolumeCapability): Promise<void> {
  const common = { volumeId: name, publishContext: {}, secrets: {}, volumeContext: {}, volumeCapability };
  const stagingTargetPath = stagingOf(name);
  await onNode(`mkdir -p ${stagingTargetPath} ${path.dirname(targetOf(name))}`);
  await node.csi.nodeStageVolume({ ...common, stagingTargetPath }, signal);
  await node.csi.nodePublishVolume(
    { ...common, stagingTargetPath, targetPath: targetOf(name), readonly: false },
    signal,
  );
}

async function unpublish(name: string): Promise<void> {
  await node.csi.nodeUnpublishVolume({ volumeId: name, targetPath: targetOf(name) }, signal);
  await node.csi.nodeUnstageVolume({ volumeId: name, stagingTargetPath: stagingOf(name) }, signal);
}

const expand = (name: string, mib: number, volumeCapability: VolumeCapability) =>
  node.csi.nodeExpandVolume(
    {
      volumeId: name,
      volumePath: targetOf(name),
      stagingTargetPath: stagingOf(name),
      capacityRange: { requiredBytes: BigInt(mib * MIB), limitBytes: 0n },
      volumeCapability,
      secrets: {},
    },
    signal,
  );

async function restart(): Promise<void> {
  await node.vm.cutPower();
  await node.vm.boot(signal);
  await node.startAgent(signal);
}

/** Writes block after block of known content and syncs each, until told to stop; says how many it wrote. */
const startWriter = (file: string): Promise<string> =>
  onNode(`rm -f /run/stop; (set -e; n=0; until [ -e /run/stop ]; do
    printf '%01048576d' "$n" | dd of=${file} bs=1M seek="$n" conv=notrunc,fsync iflag=fullblock status=none; n=$((n + 1)); [ "$n" -lt 200 ] || break
  done; echo "$n" > /run/written) > /run/writer.log 2>&1 &`);
const stopWriter = (): Promise<string> =>
  onNode(
    'touch /run/stop; until [ -e /run/written ]; do sleep 0.1; done; cat /run/writer.log >&2; cat /run/written; rm /run/written',
  );
const readBack = (file: string, blocks: number): Promise<string> =>
  onNode(
    `for ((n = 0; n < ${blocks}; n++)); do printf '%01048576d' "$n"; done | cmp -n ${blocks * MIB} - ${file} && echo same`,
  );
const mibOf = async (file: string): Promise<number> => Number(await onNode(`df -m --output=size ${file} | tail -1`));

for (const fsType of ['ext4', 'xfs']) {
  test(`an ${fsType} volume grows while it is written, and has its data after a power cut`, async () => {
    const name = `local-${fsType}`;
    const capability = mounted(fsType);
    await create(name, 320, { fsType });
    await publish(name, capability);
    const file = `${targetOf(name)}/file`;
    const before = await mibOf(targetOf(name));
    const uuid = await onNode(`blkid -p -s UUID -o value /dev/data/${name}`);
    progress(`${fsType} is published`);

    await startWriter(file);
    await grow(name, 640);
    await expand(name, 640, capability);
    const blocks = Number(await stopWriter());
    progress(`${fsType} has grown while ${blocks} MiB were written`);
    expect(blocks).toBeGreaterThan(0);
    expect((await mibOf(targetOf(name))) - before).toBeGreaterThan(280);

    await restart();
    await publish(name, capability);
    expect(await onNode(`blkid -p -s UUID -o value /dev/data/${name}`)).toBe(uuid);
    expect(await readBack(file, blocks)).toBe('same');
    progress(`${fsType} is back after a power cut`);

    await unpublish(name);
    await remove(name);
    expect(await onNode('lvs --noheadings -o lv_name data')).toBe('');
    expect(await onNode(`grep -c ${name} /proc/self/mountinfo || true`)).toBe('0');
  });
}

test('a raw block volume grows while it is published, and has its data after a power cut', async () => {
  const name = 'local-block';
  const target = targetOf(name);
  await create(name, 64);
  await publish(name, block);
  expect(await onNode(`stat -c %F ${target}`)).toBe('block special file');
  await startWriter(target);
  await grow(name, 256);
  await expand(name, 256, block);
  const blocks = Math.min(Number(await stopWriter()), 64);
  expect(await onNode(`blockdev --getsize64 ${target}`)).toBe(String(256 * MIB));
  await restart();
  await publish(name, block);
  expect(await readBack(target, blocks)).toBe('same');
  await unpublish(name);
  await remove(name);
});

test('a volume whose device is missing is an error, never a new empty one', async () => {
  const name = 'local-missing';
  await create(name, 320, { fsType: 'ext4' });
  await publish(name, mounted('ext4'));
  await onNode(`echo kept > ${targetOf(name)}/file; sync`);
  await unpublish(name);
  await onNode(`lvchange -an data/${name}`);
  await expect(publish(name, mounted('ext4'))).rejects.toMatchObject({ details: expect.stringMatching(/is missing/) });
  await onNode(`lvchange -ay data/${name}`);
  await publish(name, mounted('ext4'));
  expect(await onNode(`cat ${targetOf(name)}/file`)).toBe('kept');
  await unpublish(name);
  await remove(name);
});

test('a blank disk serves one volume whole, is formatted once, and is given back when it is blank again', async () => {
  const file = path.join(node.vm.dir, 'whole.img');
  await writeFile(file, '');
  await truncate(file, 128 * MIB);
  const [device = ''] = await node.vm.attach([{ serial: 'whole', file }], signal);
  const name = 'local-whole';
  const made = await create(name, 100, { kind: 'Device', path: device, fsType: 'ext4' });
  expect(made.status?.sizeBytes).toBe(128 * MIB);
  await publish(name, mounted('ext4'));
  await onNode(`echo kept > ${targetOf(name)}/file; sync`);

  await restart();
  await publish(name, mounted('ext4'));
  expect(await onNode(`cat ${targetOf(name)}/file`)).toBe('kept');
  await unpublish(name);
  await node.client.delete(LOCAL_VOLUMES, { name }, signal);
  const leaving = await untilVolume(name, ({ status }) => status?.reason === 'NotBlank');
  expect(leaving.status?.message).toMatch(/carries filesystem ext4.*wipefs --all/);
  await onNode(`wipefs --all ${device} && dd if=/dev/zero of=${device} bs=1M count=1`);
  await untilGone(name);
});

test('a used disk is never given to a volume', async () => {
  const file = path.join(node.vm.dir, 'used.img');
  await writeFile(file, '');
  await truncate(file, 128 * MIB);
  const [device = ''] = await node.vm.attach([{ serial: 'used', file }], signal);
  await onNode(`mkfs.ext4 -q ${device}; sync`);
  const before = await onNode(`sha256sum < ${device}`);
  const name = 'local-used';
  const volume = orderOf(name, 100, { kind: 'Device', path: device, fsType: 'ext4' });
  await node.client.create(LOCAL_VOLUMES, volume, signal);
  const refused = await untilVolume(name, ({ status }) => status?.reason !== undefined);
  expect(refused.status).toMatchObject({
    reason: 'NotBlank',
    message: expect.stringMatching(/carries filesystem ext4/),
  });
  await expect(publish(name, mounted('ext4'))).rejects.toMatchObject({
    details: expect.stringMatching(/NotBlank|carries/),
  });
  expect(await onNode(`sha256sum < ${device}`)).toBe(before);
  await remove(name);
});
