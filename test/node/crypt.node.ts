// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import path from 'node:path';
import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect } from 'vitest';
import { mappingNameOf, mappingPathOf } from '../../src/crypt/names.ts';
import type { VolumeCapability } from '../../src/csi/gen/csi.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { ENCRYPTED, ENCRYPTING } from '../../src/model/well-known.ts';
import { testOn } from '../machine.ts';
import { ofWhole } from '../whole.ts';
import type { AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { expectRate, podCgroups } from './agent/pod-cgroups.ts';
import { createProgress } from './machine/progress.ts';
import { linkOf } from './machine/vm.ts';
import { block, blockTargetOf, MIB, mounted, stagingOf, targetOf, type VolumesOn } from './agent/volumes-on.ts';

const test = testOn('root', 'qemu');
const testOfWhole = ofWhole(test);
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
const DISK = linkOf('disk');
const HEADER = 16;
const KEY = 'the-first-key-of-this-volume';
const NEXT = 'the-key-that-comes-after-it\n';
const MARKER = 'nobody-may-read-this-on-the-disk';
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal));
  await node.ask({ listConfig: { vgs: { include: ['.*'] } } }, signal);
  progress('the group is made');
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

type Secrets = Record<string, string>;

async function stage(name: string, volumeCapability: VolumeCapability, secrets: Secrets): Promise<void> {
  await on.bash(`mkdir -p ${stagingOf(name)}`);
  await node.csi.nodeStageVolume(
    {
      volumeId: name,
      publishContext: {},
      volumeContext: {},
      volumeCapability,
      secrets,
      stagingTargetPath: stagingOf(name),
    },
    signal,
  );
}

/** As the kubelet does it after a boot: repeats while the volume is not ready. */
const stageAfterBoot = (name: string, capability: VolumeCapability, secrets: Secrets): Promise<void> =>
  expect
    .poll(
      () =>
        stage(name, capability, secrets).then(
          () => Code.OK,
          (error: { code?: number }) => error.code,
        ),
      {
        timeout: 120_000,
        interval: 500,
      },
    )
    .toBe(Code.OK);

const refused = (code: Code, text: string) => ({ code, details: expect.stringContaining(text) as string });
const logicalVolume = (name: string): string => `/dev/data/${name}`;
const sizeOf = async (device: string): Promise<number> => Number(await on.bash(`blockdev --getsize64 ${device}`));
const luksUuid = (name: string): Promise<string> => on.bash(`cryptsetup luksUUID ${logicalVolume(name)}`);
const opens = async (name: string, key: string): Promise<boolean> =>
  (await on.bash(
    `base64 -d <<< ${Buffer.from(key).toString('base64')} | cryptsetup open --test-passphrase --key-file - ${logicalVolume(name)} && echo yes || true`,
  )) === 'yes';
/** Whether a text is anywhere below the encryption, as whoever steals the disk would read it. */
const onDisk = async (name: string, text: string): Promise<boolean> =>
  (await on.bash(
    `sync; echo 3 > /proc/sys/vm/drop_caches; tr -d '\\0' < ${logicalVolume(name)} | grep -caF -- '${text}' || [ $? = 1 ]`,
    300_000,
  )) !== '0';

async function grow(name: string, mib: number, volumeCapability: VolumeCapability): Promise<void> {
  await on.change(name, { sizeBytes: (mib + HEADER) * MIB });
  await on.until(name, ({ status }) => (status?.sizeBytes ?? 0) >= (mib + HEADER) * MIB);
  const capacityRange = { requiredBytes: BigInt(mib * MIB), limitBytes: 0n };
  const block = volumeCapability.accessType?.$case === 'block';
  const volumePath = block ? blockTargetOf(name) : targetOf(name);
  const expand = (secrets: Secrets) =>
    node.csi.nodeExpandVolume(
      { volumeId: name, volumePath, stagingTargetPath: stagingOf(name), capacityRange, volumeCapability, secrets },
      signal,
    );
  await expect(expand({})).rejects.toMatchObject(refused(Code.INVALID_ARGUMENT, 'node-expand-secret-name'));
  await expect(expand({ key: 'wrong' })).rejects.toMatchObject(
    refused(Code.FAILED_PRECONDITION, '"key" of its secret'),
  );
  expect((await expand({ key: KEY })).capacityBytes).toBe(BigInt(mib * MIB));
  expect(await sizeOf(mappingPathOf(name))).toBe(mib * MIB);
}

async function removeAndLook(name: string, target: string): Promise<void> {
  await on.unpublish(name, target);
  await on.unstage(name);
  expect(await on.bash(`dmsetup info --noheadings -c -o name | grep -c ${mappingNameOf(name)} || true`)).toBe('0');
  const [start = '', extent = ''] = (
    await on.bash(`pvs --noheadings --nosuffix --units b -o pe_start,vg_extent_size ${DISK}`)
  ).split(/\s+/);
  const first = (await on.bash(`lvs --noheadings -o seg_pe_ranges data/${name}`)).match(/:(\d+)-/)?.[1] ?? '';
  const at = (Number(start) + Number(first) * Number(extent)) / MIB;
  const isZero = `cmp -s -n ${HEADER * MIB} /dev/zero <(dd if=${DISK} bs=1M skip=${at} count=${HEADER} iflag=direct status=none) && echo zero || echo something`;
  expect(await on.bash(isZero)).toBe('something');
  await on.delete(name);
  await on.untilGone(name);
  expect(await on.bash(isZero)).toBe('zero'); // no key slot is left, and no header to try a key on
}

async function fill(name: string, fsType: string): Promise<string> {
  const capability = mounted(fsType);
  await on.create(name, 320 + HEADER, { fsType, encryption: 'luks2' });
  await expect(stage(name, capability, {})).rejects.toMatchObject(
    refused(Code.INVALID_ARGUMENT, 'node-stage-secret-name'),
  );
  await stage(name, capability, { key: KEY });
  await on.publish(name, capability, targetOf(name));
  const file = `${targetOf(name)}/file`;
  await on.bash(`yes ${MARKER} | head -c 8M > ${file}; sync`);
  expect([await onDisk(name, MARKER), await onDisk(name, KEY)]).toEqual([false, false]);
  expect(await on.bash(`head -c 64M ${file} | grep -caF -m1 ${MARKER}`)).toBe('1');
  expect(await on.bash(`blockdev --getss ${mappingPathOf(name)}`)).toBe('4096');
  progress(`${fsType}: the disk shows nothing`);
  await grow(name, 640, capability);
  expect(Number(await on.bash(`df -m --output=size ${targetOf(name)} | tail -1`))).toBeGreaterThan(560);
  progress(`${fsType} has grown`);
  return file;
}

test('an encrypted xfs volume shows neither key nor data on the disk, and grows', async () => {
  await fill('local-xfs', 'xfs');
  await removeAndLook('local-xfs', targetOf('local-xfs'));
});

testOfWhole('an encrypted ext4 volume grows, is there after a power cut, and gets another key', async () => {
  const [name, capability] = ['local-ext4', mounted('ext4')];
  const file = await fill(name, 'ext4');
  const uuid = await luksUuid(name);
  await node.restart(signal);
  await stageAfterBoot(name, capability, { key: KEY });
  await on.publish(name, capability, targetOf(name));
  const isSame = `yes ${MARKER} | head -c 8M | cmp - ${file} && echo same`;
  expect([await on.bash(isSame), await luksUuid(name)]).toEqual(['same', uuid]);
  await expect(stage(name, capability, { key: 'wrong' })).rejects.toMatchObject(
    refused(Code.FAILED_PRECONDITION, 'nothing was changed'),
  );
  await stage(name, capability, { key: NEXT, previousKey: KEY });
  expect([await opens(name, KEY), await opens(name, NEXT), await on.bash(isSame)]).toEqual([false, true, 'same']);
  await removeAndLook(name, targetOf(name));
});

testOfWhole(
  'a copy of an encrypted volume opens with its key, gets one of its own, and is had beside its source',
  async () => {
    const [capability, store] = [mounted('ext4'), { thresholdPercent: 50, stepBytes: 16 * MIB }];
    const crypt = { fsType: 'ext4', encryption: 'luks2' } as const;
    await on.create('source', 64 + HEADER, crypt);
    await stage('source', capability, { key: KEY });
    await on.bash(`yes ${MARKER} | head -c 8M > ${stagingOf('source')}/file; sync`);
    const snapshot = { role: 'Snapshot', source: { volume: 'source' }, copyOnWrite: store, ...crypt } as const;
    await on.create('snap', 32, { ...snapshot, restore: 'Copy' });
    await on.bash(`echo later > ${stagingOf('source')}/file; sync`);
    progress('the snapshot is taken');
    await on.create('copy', 128 + HEADER, { source: { snapshot: 'snap' }, ...crypt });
    progress('the copy is made');
    await stage('copy', capability, { key: NEXT, previousKey: KEY });
    progress('the copy is open');
    expect(await on.bash(`yes ${MARKER} | head -c 8M | cmp - ${stagingOf('copy')}/file && echo same`)).toBe('same');
    expect(await on.bash(`cat ${stagingOf('source')}/file`)).toBe('later');
    expect(await luksUuid('copy')).not.toBe(await luksUuid('source'));
    expect([await opens('source', KEY), await opens('copy', KEY)]).toEqual([true, false]);
    expect(await onDisk('copy', MARKER)).toBe(false);
    const mib = Number(await on.bash(`df -m --output=size ${stagingOf('copy')} | tail -1`));
    expect(mib).toBeGreaterThan(100); // grown, once it was open

    for (const name of ['copy', 'source']) await on.unstage(name);
    for (const name of ['copy', 'snap', 'source']) {
      await on.delete(name);
      await on.untilGone(name);
    }
  },
);

testOfWhole(
  'an encrypted raw device has sectors of 512 bytes, grows, and what its pod makes of it is not looked into',
  async () => {
    const name = 'local-block';
    await on.create(name, 64 + HEADER, { encryption: 'luks2' });
    await stage(name, block, { key: KEY });
    await on.publish(name, block, blockTargetOf(name));
    expect(await on.bash(`blockdev --getss ${blockTargetOf(name)}`)).toBe('512');
    expect(await sizeOf(blockTargetOf(name))).toBe(64 * MIB);
    await on.bash(
      `yes ${MARKER} | head -c 8M | dd of=${blockTargetOf(name)} bs=1M seek=8 iflag=fullblock oflag=direct status=none`,
    );
    expect(await onDisk(name, MARKER)).toBe(false);
    await grow(name, 128, block);
    await on.bash(`pvcreate -qq ${mappingPathOf(name)}; vgcreate -qq tenant ${mappingPathOf(name)}`);
    await on.create('beside', 16); // the agent has looked at all groups since
    await on.bash(`echo ${MARKER} > ${logicalVolume('beside')}`);
    expect(await onDisk('beside', MARKER)).toBe(true); // what is not encrypted is seen
    const nls = await node.until(({ status }) => JSON.stringify(status).includes('beside'), signal);
    expect(JSON.stringify(nls.status)).not.toContain('tenant');
    await on.delete('beside');
    await on.bash('vgremove -qq tenant');
    await removeAndLook(name, blockTargetOf(name));
  },
);

testOfWhole('limits of a pod hold on its mapping', async () => {
  const [name, file] = ['local-slow', `${targetOf('local-slow', 'pod-slow')}/file`];
  const cgroups = podCgroups('v2', on);
  await on.create(name, 64 + HEADER, {
    fsType: 'ext4',
    encryption: 'luks2',
    limits: { writeBps: MIB, readBps: 2 * MIB },
  });
  await stage(name, mounted('ext4'), { key: KEY });
  await cgroups.make('pod-slow');
  await on.publish(name, mounted('ext4'), targetOf(name, 'pod-slow'));
  const device = await on.bash(`stat -L -c '%Hr:%Lr' ${mappingPathOf(name)}`);
  expect(await cgroups.read(device, 'pod-slow')).toMatch(/wbps=1048576/);
  const io = { pod: 'pod-slow', file, blockBytes: 64 * 1024 } as const;
  expectRate(await cgroups.measure({ ...io, does: 'write', blocks: 48 }), MIB);
  expectRate(await cgroups.measure({ ...io, does: 'read', blocks: 48 }), 2 * MIB);
  await removeAndLook(name, targetOf(name, 'pod-slow'));
});

test('a stranger’s LUKS volume and a stranger’s mapping are left as they are', async () => {
  const name = 'local-stranger';
  await on.create(name, 32 + HEADER, { encryption: 'luks2' });
  const make = `printf stranger | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ${logicalVolume(name)} -`;
  await on.bash(make);
  const uuid = await luksUuid(name);
  await expect(stage(name, mounted('ext4'), { key: KEY })).rejects.toMatchObject(
    refused(Code.FAILED_PRECONDITION, `carries the LUKS volume ${uuid}, not its own`),
  );
  await on.bash(`printf stranger | cryptsetup open --key-file - ${logicalVolume(name)} ${mappingNameOf(name)}`);
  await expect(stage(name, mounted('ext4'), { key: KEY })).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  await on.unstage(name);
  expect([await luksUuid(name), await opens(name, 'stranger')]).toEqual([uuid, true]);
  await on.bash(`cryptsetup close ${mappingNameOf(name)}`);
  await on.delete(name);
  await on.untilGone(name);
});

/** Begins a stage, and cuts the power once `now` says so, or when the stage has ended. */
async function cutDuring(name: string, secrets: Secrets, now: () => Promise<boolean>): Promise<void> {
  let ended = false;
  const staging = stage(name, mounted('ext4'), secrets)
    .catch(() => {})
    .finally(() => (ended = true));
  while (!ended && !(await now()));
  await node.restart(signal);
  await staging;
}

testOfWhole(
  'the power is cut while a volume is made and while its key is replaced: the next stage ends with one whole volume',
  async () => {
    const name = 'local-cut';
    await on.create(name, 64 + HEADER, { fsType: 'ext4', encryption: 'luks2' });
    const marks = async () => (await node.client.get(LOCAL_VOLUMES, { name }, signal)).metadata.annotations ?? {};
    await cutDuring(name, { key: KEY }, async () => ENCRYPTING in (await marks()));
    progress(`cut while it was made; recorded as done: ${ENCRYPTED in (await marks())}`);
    await stageAfterBoot(name, mounted('ext4'), { key: KEY });
    await on.bash(`echo kept > ${stagingOf(name)}/file; sync; umount ${stagingOf(name)}`);
    await on.unstage(name);

    const secrets = { key: NEXT, previousKey: KEY };
    const slots = `cryptsetup luksDump ${logicalVolume(name)} | grep -c ': luks2$'`;
    await cutDuring(name, secrets, async () => (await on.bash(slots)) === '2');
    progress(`cut while its key was replaced; slots: ${await on.bash(`vgchange -qq -ay data; ${slots}`)}`);
    await stageAfterBoot(name, mounted('ext4'), secrets);
    expect([await on.bash(`cat ${stagingOf(name)}/file`), await opens(name, KEY), await opens(name, NEXT)]).toEqual([
      'kept',
      false,
      true,
    ]);
    await on.unstage(name);
    await on.delete(name);
    await on.untilGone(name);
  },
);

testOfWhole(
  'an encrypted inline volume keeps its data over an agent, and is empty after a boot, since nobody has its key',
  async () => {
    const [id, targetPath] = [inlineVolumeId('pod-1', 'scratch'), targetOf('scratch', 'pod-1')];
    const publish = async (): Promise<void> => {
      await on.bash(`mkdir -p ${path.dirname(targetPath)}; echo '{}' > ${path.dirname(targetPath)}/vol_data.json`);
      const volumeContext = {
        'csi.storage.k8s.io/ephemeral': 'true',
        vgName: 'data',
        size: '64Mi',
        encryption: 'luks2',
      };
      const nothing = { publishContext: {}, secrets: {}, stagingTargetPath: '', readonly: false };
      const volumeCapability = mounted('ext4');
      await node.csi.nodePublishVolume(
        { ...nothing, volumeId: id, volumeContext, targetPath, volumeCapability },
        signal,
      );
    };
    await publish();
    await on.bash(`echo ${MARKER} > ${targetPath}/file; sync`);
    expect(await onDisk(id, MARKER)).toBe(false);
    await node.stopAgent(signal);
    await node.startAgent(signal);
    await publish();
    expect(await on.bash(`cat ${targetPath}/file`)).toBe(MARKER);
    await node.restart(signal);
    await expect
      .poll(
        () =>
          publish().then(
            () => Code.OK,
            (error: { code?: number }) => error.code,
          ),
        { timeout: 120_000 },
      )
      .toBe(Code.OK);
    expect(await on.bash(`ls ${targetPath}`)).toBe('lost+found');
    await node.csi.nodeUnpublishVolume({ volumeId: id, targetPath }, signal);
    await on.untilGone(id);
    expect(await on.bash('lvs --noheadings -o lv_name data; dmsetup info --noheadings -c -o name')).toBe(
      'No devices found',
    );
  },
);
