// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import * as csi from '../../src/csi/gen/csi.ts';
import { Code } from '../../src/csi/status.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { testOn } from '../machine.ts';
import { startOwnOperator, type OwnOperator } from '../rig/own-operator.ts';
import { setPhase, takeRecordAway } from '../switching/old-objects.ts';
import { startAgentNode, type AgentNode } from './agent/agent-node.ts';
import * as old from './agent/old-node.ts';
import { MIB, mounted, stagingOf, targetOf, volumesOn, type VolumesOn } from './agent/volumes-on.ts';
import { volumeUsers, type VolumeUsers } from './agent/volume-users.ts';
import { createProgress } from './machine/progress.ts';
import { linkOf } from './machine/vm.ts';

/** docs/switching.md on a real kernel. The kubelet's calls are the test's. */
const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_500_000);
const { db, html, reader, whole, point } = old.OLD;
const EXT4 = mounted('ext4');
const AGENT = ['--interval=10s'];
let node: AgentNode;
let on: VolumesOn;
let operator: OwnOperator | undefined;
let users: VolumeUsers;
/** Of a pod that runs. */
let inline: old.Inline;

beforeAll(async () => {
  node = await startAgentNode(signal);
  on = volumesOn(node, signal);
  progress('the machine is there');
  inline = await old.layOutOldNode(node, on, signal);
  users = volumeUsers(on, targetOf(db), [...[html, reader, whole, point].map((name) => targetOf(name)), inline.target]);
  await users.start();
  progress('all is as open-local leaves it');
});
afterAll(async () => {
  await stopOperator();
  await node?.[Symbol.asyncDispose]();
});

const stopOperator = async (): Promise<void> => operator?.[Symbol.asyncDispose]();
const startOperator = async (): Promise<OwnOperator> =>
  (operator = await startOwnOperator({ client: node.client, folder: node.vm.dir }));
const ours = (): OwnOperator => operator as OwnOperator;
const used = (): Promise<number> => ours().metric('local_volume_group_used', old.GROUP);
const allReady = async (): Promise<void> => {
  for (const name of [db, html, whole, point, old.SNAPSHOT, reader, inline.id])
    await on.until(name, ({ status }) => status?.phase === 'Ready');
};
const report = (): Promise<string> =>
  on.bash(`lvs --noheadings --units b --nosuffix -o lv_name,lv_uuid,lv_size ${old.GROUP}`);
const tagged = (): Promise<string> => on.bash('lvs --noheadings -o lv_name @open-local | wc -l');
const content = (...names: readonly string[]): Promise<string> =>
  on.bash(names.map((name) => `cat ${targetOf(name)}/file`).join('; '));

/** As sidecars do: a node on a machine that does much else is slow. */
const untilDone = async <T>(call: () => Promise<T>): Promise<T> => {
  for (;;)
    try {
      return await call();
    } catch (error) {
      if ((error as { code?: unknown }).code !== Code.ABORTED) throw error;
    }
};

const deleteSnapshot = async (snapshotId: string): Promise<void> => {
  await untilDone(() =>
    ours().controller.deleteSnapshot(csi.DeleteSnapshotRequest.fromPartial({ snapshotId }), signal),
  );
};

test('each volume is counted from the first second, and adopted; who uses one is undisturbed, and no disk changes', async () => {
  const before = [await report(), await users.see()];
  await startOperator();
  // Our agent is not there yet.
  expect(await used()).toBe(old.TAKEN_BYTES);
  await node.startAgent(signal, 'agent', AGENT);
  await allReady();
  progress('all is adopted');
  expect([await report(), await users.see()]).toEqual(before);
  expect([await used(), await tagged()]).toEqual([old.TAKEN_BYTES, '4']);
  await users.writesOn();
});

test('a volume in use grows and is snapshotted under its writer', async () => {
  const volumeId = db;
  const capacityRange = { requiredBytes: BigInt(512 * MIB) };
  const growing = csi.ControllerExpandVolumeRequest.fromPartial({ volumeId, capacityRange });
  await untilDone(() => ours().controller.controllerExpandVolume(growing, signal));
  const paths = { volumePath: targetOf(db), stagingTargetPath: stagingOf(db) };
  await node.csi.nodeExpandVolume(
    csi.NodeExpandVolumeRequest.fromPartial({ volumeId, capacityRange, ...paths }),
    signal,
  );
  expect(Number(await on.bash(`df --output=size -B1M ${targetOf(db)} | tail -1`))).toBeGreaterThan(450);
  const parameters = { 'csi.aliyun.com/readonly': 'true' };
  const taking = csi.CreateSnapshotRequest.fromPartial({ name: 'snap-new', sourceVolumeId: db, parameters });
  expect((await untilDone(() => ours().controller.createSnapshot(taking, signal))).snapshot).toMatchObject({
    readyToUse: true,
  });
  await deleteSnapshot('snap-new');
  await users.writesOn();
});

test('and back: open-local finds all as we leave it, and works on; switching once more adopts all of it', async () => {
  const before = [await report(), await users.see()];
  await node.stopAgent(signal);
  await stopOperator();
  for (const { metadata } of (await node.client.list(LOCAL_VOLUMES, {}, signal)).items)
    await takeRecordAway(node.client, metadata.name ?? '');
  expect([await report(), await users.see()]).toEqual(before);
  progress('back');
  // What its driver does for a new pod of `html`, and for a new claim that goes again.
  const again = targetOf(html, 'another');
  await on.bash(`set -e; mkdir -p ${again}; mount /dev/${old.GROUP}/${html} ${again}; grep later ${again}/file; umount ${again}
    ${old.oldLvcreate('local-new', 64)}; mkfs.ext4 -q -F -m0 /dev/${old.GROUP}/local-new; lvremove -v -f ${old.GROUP}/local-new`);
  await startOperator();
  await node.startAgent(signal, 'agent', AGENT);
  await allReady();
  expect([await report(), await users.see()]).toEqual(before);
  expect(await users.end()).toBeGreaterThan(10);
});

test('the kubelet’s calls after its own restart find the volume that open-local had mounted', async () => {
  await on.stage(db, EXT4);
  await on.publish(db, EXT4, targetOf(db));
  expect(await content(db)).toBe(old.MARK);
});

test('a pod’s inline volume goes with it, also one that the API server has forgotten', async () => {
  const forgotten = { id: old.FORGOTTEN, target: old.FORGOTTEN_AT };
  for (const { id, target } of [inline, forgotten])
    await node.csi.nodeUnpublishVolume({ volumeId: id, targetPath: target }, signal);
  for (const { id } of [inline, forgotten]) await on.untilGone(id);
  expect(await report()).not.toContain('csi-');
});

test('after a boot every volume is there, and its pod finds its data', async () => {
  await on.bash('sync');
  await node.restart(signal, AGENT);
  await old.mountTheirs(on);
  for (const name of [db, html, whole, point, reader]) {
    const capability = name === point ? mounted('') : EXT4;
    await on.stageAfterBoot(name, capability);
    await on.publish(name, capability, targetOf(name));
  }
  expect(await content(html, reader, whole, point)).toBe(`later\n${old.MARK}\n${old.MARK}\n${old.MARK}`);
  expect(Number(await on.bash(`wc -l < ${targetOf(db)}/log`))).toBeGreaterThan(10);
});

test('and each is deleted to the byte', async () => {
  const { controller } = ours();
  const remove = async (volumeId: string): Promise<void> => {
    await setPhase(node.client, volumeId, 'Released');
    await untilDone(() => controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId }), signal));
  };
  for (const name of [reader, db, html, whole, point]) {
    await on.unpublish(name, targetOf(name));
    await on.unstage(name);
  }
  await remove(reader);
  await deleteSnapshot(old.SNAPSHOT);
  for (const name of [db, html, whole, point]) await remove(name);
  expect(await report()).toBe('');
  expect(
    await on.bash(`vgs --noheadings -o vg_free_count,vg_extent_count ${old.GROUP} | awk '{ print $1 == $2 }'`),
  ).toBe('1');
  const left = 'ls -A /mnt/open-local/data-0 | grep -v lost+found; blkid -p';
  expect(await on.bash(`${left} ${linkOf('whole')} || true`)).toBe('');
  const search = `grep -c ${old.MARK} ${linkOf('pool')} ${linkOf('whole')} | grep -v ':0$' || true`;
  expect(await on.bash(`sync; ${search}`, 240_000)).toBe('');
  expect((await node.client.list(LOCAL_VOLUMES, {}, signal)).items).toEqual([]);
});
