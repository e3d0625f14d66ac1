import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { createPorts } from '../../src/agent/ports.ts';
import { runAgent } from '../../src/agent/run.ts';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import * as csi from '../../src/csi/gen/csi.ts';
import { createIdentity } from '../../src/csi/identity.ts';
import { createCsiServer } from '../../src/csi/server.ts';
import { run } from '../../src/exec/run.ts';
import { EVENTS } from '../../src/kube/events/event-object.ts';
import { LOCAL_VOLUMES, PODS, VOLUMES } from '../../src/kube/resource.ts';
import { GIB } from '../../src/model/bytes.ts';
import type { LocalVolume, LocalVolumePhase } from '../../src/model/local-volume.ts';
import { silentLog } from '../../src/model/log.ts';
import { withActiveVolumes } from '../rig/active-volumes.ts';
import { eventually } from '../rig/eventually.ts';
import { startOurApi, type OurApi } from '../rig/our-api.ts';
import { startOwnOperator } from '../rig/own-operator.ts';
import {
  contentOfDisks,
  GROUP,
  GROUP_GIB,
  layOutOldCluster,
  NODE,
  OLD,
  podPath,
  reportAsBefore,
  TAKEN_GIB,
  taggedVolumes,
} from './old-cluster.ts';
import { setPhase, takeRecordAway } from './old-objects.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
let ours: OurApi;
let controller: CsiClient['controller'];
let node: CsiClient;
/** Of the pod. */
let inline: string;
/** All but the two that do not fit. */
let adopted: readonly string[];

beforeEach(async () => {
  ours = await startOurApi();
  await mkdir(path.join(ours.folder, 'mnt/data-0'), { recursive: true });
  inline = await layOutOldCluster(ours);
  const fitting = Object.values(OLD).filter((name) => name !== OLD.missing && name !== OLD.smaller);
  adopted = [...fitting, inline].toSorted();
  node = createCsiClient({ kind: 'unix', path: `${ours.folder}/agent.sock` }, 20_000);
});
afterEach(async () => {
  node.close();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  await ours.close();
});

const running = (start: (signal: AbortSignal) => Promise<void>): (() => Promise<void>) => {
  const stopping = new AbortController();
  const ended = start(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  cleanups.push(stop);
  return stop;
};

/** Ready when it answers. */
async function startOperator(...flags: readonly string[]) {
  const operator = await startOwnOperator(ours, ...flags);
  controller = operator.controller;
  const stop = async (): Promise<void> => operator[Symbol.asyncDispose]();
  cleanups.push(stop);
  return { stop, metric: (name: string) => operator.metric(name, GROUP) };
}

function startAgent(): () => Promise<void> {
  const { folder } = ours;
  const config = parseAgentConfig(
    [
      ...[`--node-name=${NODE}`, `--csi-endpoint=unix://${folder}/agent.sock`, `--mount-root=${folder}/mnt`],
      ...[`--simulated-disks=${folder}/disks.json`, `--simulated-mounts=${folder}/mounts.json`, '--interval=100ms'],
    ],
    {},
  );
  const ports: typeof createPorts = (...given) => {
    const made = createPorts(...given);
    return { ...made, lvm: withActiveVolumes(made.lvm) };
  };
  return running((signal) =>
    runAgent(config, { client: ours.client, run, version: 'test', log: silentLog, ports }, signal),
  );
}

const volumes = async (): Promise<readonly LocalVolume[]> => (await ours.client.list(LOCAL_VOLUMES, {}, never)).items;
const names = async (phase?: LocalVolumePhase): Promise<readonly string[]> =>
  (await volumes())
    .filter(({ status }) => phase === undefined || status?.phase === phase)
    .map(({ metadata }) => metadata.name ?? '')
    .toSorted();
const events = async (): Promise<readonly string[]> =>
  (await ours.client.list(EVENTS, {}, never)).items
    .filter(({ reason }) => /adopt/i.test(reason ?? ''))
    .map(
      ({ reason, involvedObject, message }) => `${reason} ${involvedObject?.kind} ${involvedObject?.name}: ${message}`,
    )
    .toSorted();
const allReady = (): Promise<void> => eventually(async () => expect(await names('Ready')).toEqual(adopted));

test('a cluster of open-local is counted from the first second, and adopted once its node is ours; disks stay as they are', async () => {
  const before = await contentOfDisks(ours.folder);
  const { metric } = await startOperator();
  // Our agent is not there, so nothing is adopted; the room is counted, each volume once.
  expect(await metric('local_volume_group_used')).toBe(TAKEN_GIB * GIB);
  expect(await names()).toEqual([]);
  expect(await events()).toEqual([]);

  startAgent();
  await allReady();
  expect(await contentOfDisks(ours.folder)).toEqual(before);
  expect(await metric('local_volume_group_used')).toBe(TAKEN_GIB * GIB);
  expect(await metric('local_volume_group_total')).toBe(GROUP_GIB * GIB);
  const onDisks: readonly string[] = [OLD.reader, OLD.disk, OLD.mountPoint];
  expect(await taggedVolumes(ours.folder)).toEqual(adopted.filter((name) => !onDisks.includes(name)));

  await eventually(async () => {
    const refused = (await events()).filter((line) => line.startsWith('NotAdopted'));
    expect(refused).toEqual([
      expect.stringMatching(`^NotAdopted PersistentVolume ${OLD.missing}: .*no logical volume ${GROUP}/${OLD.missing}`),
      expect.stringMatching(`^NotAdopted PersistentVolume ${OLD.smaller}: .*has 1 GiB, less than the 2 GiB`),
    ]);
    expect((await events()).filter((line) => line.startsWith('Adopted'))).toHaveLength(adopted.length);
  });
});

test('once adopted, a volume grows, is snapshotted, and is deleted to the byte like any other', async () => {
  const { metric } = await startOperator();
  startAgent();
  await allReady();
  const grown = await controller.controllerExpandVolume(
    csi.ControllerExpandVolumeRequest.fromPartial({
      volumeId: OLD.allocated,
      capacityRange: { requiredBytes: BigInt(6 * GIB) },
    }),
    never,
  );
  expect(grown).toMatchObject({ capacityBytes: BigInt(6 * GIB), nodeExpansionRequired: true });
  // What open-local had grown is grown already.
  await controller.controllerExpandVolume(
    csi.ControllerExpandVolumeRequest.fromPartial({
      volumeId: OLD.grown,
      capacityRange: { requiredBytes: BigInt(4 * GIB) },
    }),
    never,
  );
  await controller.createSnapshot(
    csi.CreateSnapshotRequest.fromPartial({
      ...{ name: 'snap-new', sourceVolumeId: OLD.yoda, parameters: { 'csi.aliyun.com/readonly': 'true' } },
    }),
    never,
  );
  const { entries } = await controller.listSnapshots(csi.ListSnapshotsRequest.create(), never);
  expect(new Set(entries.map(({ snapshot }) => snapshot?.snapshotId))).toEqual(new Set([OLD.snapshot, 'snap-new']));

  const removeVolume = (volumeId: string) =>
    controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId }), never);
  await controller.deleteSnapshot(csi.DeleteSnapshotRequest.fromPartial({ snapshotId: 'snap-new' }), never);
  for (const name of [OLD.allocated, OLD.grown, OLD.yoda, OLD.disk, OLD.mountPoint, OLD.reader]) {
    await setPhase(ours.client, name, 'Released');
    await removeVolume(name);
    await ours.client.delete(VOLUMES, { name }, never);
  }
  await eventually(async () => expect(await names()).toEqual([OLD.html, inline, OLD.snapshot].toSorted()));
  // html, its snapshot, the inline volume, and the two that do not fit.
  await eventually(async () => expect(await metric('local_volume_group_used')).toBe((5 + 4 + 1 + 3 + 2) * GIB));
  const left = JSON.stringify(await contentOfDisks(ours.folder));
  expect(left).not.toContain(OLD.yoda);
});

test('a pod of the old driver goes, with its inline volume and the mount at its own path alone', async () => {
  await startOperator();
  startAgent();
  await allReady();
  await mkdir(podPath(ours.folder, OLD.html), { recursive: true });
  await mkdir(podPath(ours.folder, 'scratch'), { recursive: true });
  const unpublish = (volumeId: string, volume: string) =>
    node.node.nodeUnpublishVolume(
      csi.NodeUnpublishVolumeRequest.fromPartial({ volumeId, targetPath: podPath(ours.folder, volume) }),
      never,
    );
  await unpublish(inline, 'scratch');
  await ours.client.delete(PODS, { namespace: 'default', name: 'cache' }, never);
  await unpublish(OLD.html, OLD.html);
  await node.node.nodeUnstageVolume(
    csi.NodeUnstageVolumeRequest.fromPartial({ volumeId: OLD.html, stagingTargetPath: `${ours.folder}/staging` }),
    never,
  );
  await eventually(async () => expect(await names()).not.toContain(inline));
  const left = JSON.stringify(await contentOfDisks(ours.folder));
  expect(left).not.toContain(`"name":"${inline}"`);
  expect(left).not.toContain('/pods/');
  expect(await names()).toContain(OLD.html);
});

test('a record that is taken away by force is made anew while its claim has the volume, and not once it was let go', async () => {
  await startOperator();
  startAgent();
  await allReady();
  const uidOf = async (name: string): Promise<string | undefined> =>
    (await volumes()).find(({ metadata }) => metadata.name === name)?.metadata.uid;
  const before = await uidOf(OLD.yoda);
  await setPhase(ours.client, OLD.allocated, 'Released');
  await takeRecordAway(ours.client, OLD.allocated);
  await takeRecordAway(ours.client, OLD.yoda);
  await eventually(async () => expect(await names('Ready')).toEqual(adopted.filter((name) => name !== OLD.allocated)));
  expect(await uidOf(OLD.yoda)).not.toBe(before);
});

test('our agent waits for the driver before it to end, does nothing meanwhile, and says why', async () => {
  const services = [createIdentity({ driverName: 'local.csi.aliyun.com', version: 'v0.8.0', ready: () => true })];
  const endpoint = { kind: 'unix', path: `${ours.folder}/agent.sock` } as const;
  const old = createCsiServer({ name: 'open-local', endpoint, services, log: silentLog, graceMs: 10 });
  await old.start(never);
  await startOperator();
  startAgent();
  await eventually(async () => {
    const { items } = await ours.client.list(EVENTS, {}, never);
    expect(items.find(({ reason }) => reason === 'OtherDriver')).toMatchObject({
      involvedObject: { kind: 'NodeLocalStorage', name: NODE, uid: expect.any(String) as string },
      message: expect.stringMatching(/another process serves .*agent\.sock.*docs\/switching\.md/) as string,
    });
  });
  expect(await names()).toEqual([]);
  expect(await taggedVolumes(ours.folder)).toEqual([]);
  await old.stop();
  await allReady();
});

test('an inline volume that open-local made goes with its pod, though the API server has forgotten the pod', async () => {
  await startOperator();
  startAgent();
  await allReady();
  // Its record is lost with the pod; the node still has it.
  await ours.client.delete(PODS, { namespace: 'default', name: 'cache' }, never);
  await takeRecordAway(ours.client, inline);
  await eventually(async () => expect(await names()).not.toContain(inline));
  const targetPath = podPath(ours.folder, 'scratch');
  await mkdir(targetPath, { recursive: true });
  const unpublish = csi.NodeUnpublishVolumeRequest.fromPartial({ volumeId: inline, targetPath });
  await node.node.nodeUnpublishVolume(unpublish, never);
  await eventually(async () =>
    expect(JSON.stringify(await contentOfDisks(ours.folder))).not.toContain(`"name":"${inline}"`),
  );
  await node.node.nodeUnpublishVolume(unpublish, never);
  await eventually(async () => expect(await names()).not.toContain(inline));
});

test('with --adopt=report nothing is adopted, and every object says what would become of it', async () => {
  await startOperator('--adopt=report');
  startAgent();
  await eventually(async () => {
    const said = await events();
    expect(said.filter((line) => line.startsWith('NotAdopted'))).toHaveLength(2);
    // The snapshot and what mounts it wait for their source.
    expect(said.filter((line) => line.startsWith('Adoptable'))).toHaveLength(adopted.length - 2);
  });
  expect(await names()).toEqual([]);
  expect(await taggedVolumes(ours.folder)).toEqual([]);
});

test('and back: what we added is taken away without a byte of data, and open-local finds all as it was', async () => {
  const before = await contentOfDisks(ours.folder);
  const { stop } = await startOperator();
  const stopAgent = startAgent();
  await allReady();
  // As docs/switching.md says: our programs go first, then the records, whose finalizer nobody takes off any more.
  await stopAgent();
  await stop();
  for (const name of await names()) await takeRecordAway(ours.client, name);
  expect(await names()).toEqual([]);
  expect(await contentOfDisks(ours.folder)).toEqual(before);
  // Its agent writes its own status over ours; switching once more finds everything again.
  await reportAsBefore(ours, inline);
  await startOperator();
  expect(await names()).toEqual([]);
  startAgent();
  await allReady();
});
