// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import * as csi from '../../src/csi/gen/csi.ts';
import { LOCAL_VOLUMES, NODES } from '../../src/kube/resource.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { SNAPSHOT_INITIAL_SIZE, SNAPSHOT_RESTORE, SNAPSHOT_STEP, TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import { testOn } from '../machine.ts';
import { startOwnOperator, type OwnOperator } from '../rig/own-operator.ts';
import { NODE, type AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { MIB, type VolumesOn } from './agent/volumes-on.ts';
import { createProgress } from './machine/progress.ts';

/** Stores of snapshots that fill as fast as a disk takes writes: the operator grows them, and the agent reports. */
const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_500_000);
/** More than a disk takes in three looks of the agent, which look once a second. */
const STORE_MIB = 512;
const WRITTEN_MIB = 960;
let node: AgentNode;
let on: VolumesOn;
let operator: OwnOperator | undefined;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['data1', 'data2']));
  await node.client.create(NODES, { metadata: { name: NODE, labels: { [TOPOLOGY_KEY]: NODE } } }, signal);
  // The operator places in what the node offers to claims.
  await node.ask({ listConfig: { vgs: { include: ['data'] } } }, signal);
  await node.until(({ status }) => status?.filteredStorageInfo?.volumeGroups?.includes('data') === true, signal);
  operator = await startOwnOperator({ client: node.client, folder: node.vm.dir });
  progress('the group is made, and an operator leads');
});
afterAll(async () => {
  await operator?.[Symbol.asyncDispose]();
  await node?.[Symbol.asyncDispose]();
});

/** As csi-snapshotter asks for one. */
async function snapshot(name: string, sourceVolumeId: string): Promise<void> {
  const parameters = {
    [SNAPSHOT_RESTORE]: 'copy',
    [SNAPSHOT_INITIAL_SIZE]: `${STORE_MIB}Mi`,
    [SNAPSHOT_STEP]: '128Mi',
  };
  const request = csi.CreateSnapshotRequest.fromPartial({ name, sourceVolumeId, parameters });
  const made = await operator?.controller.createSnapshot(request, signal);
  expect(made?.snapshot?.readyToUse).toBe(true);
}

const sumOf = (name: string, mib: number): Promise<string> =>
  on.bash(`dd if=/dev/data/${name} bs=1M count=${mib} iflag=direct status=none | sha256sum`, 300_000);
/** Writes as fast as the disk takes it, past the cache. */
const write = (name: string, what: string, mib: number): Promise<string> =>
  on.bash(`dd if=${what} of=/dev/data/${name} bs=4M count=${mib / 4} oflag=direct conv=fsync status=none`, 600_000);
const get = (name: string): Promise<LocalVolume> => node.client.get(LOCAL_VOLUMES, { name }, signal);

test('a store that fills at the speed of the disk is grown in time', async () => {
  await on.create('fast', 1024);
  await write('fast', '/dev/urandom', WRITTEN_MIB);
  const before = await sumOf('fast', WRITTEN_MIB);
  await snapshot('snap-fast', 'fast');
  progress('the snapshot is taken');
  const began = performance.now();
  await write('fast', '/dev/zero', WRITTEN_MIB);
  progress(`${WRITTEN_MIB} MiB are written over in ${Math.round((performance.now() - began) / 1000)} s`);
  expect(await sumOf('snap-fast', WRITTEN_MIB)).toBe(before);
  const { spec, status } = await get('snap-fast');
  expect(status?.snapshot?.overflowed ?? false).toBe(false);
  expect(spec.sizeBytes).toBeGreaterThan(WRITTEN_MIB * MIB);
  expect(Number(await on.bash('lvs --noheadings --nosuffix --units m -o lv_size data/snap-fast'))).toBeGreaterThan(
    WRITTEN_MIB,
  );
});

test('with no room for it the store overflows, which is told, and its source goes on unharmed', async () => {
  await on.create('tight', 768);
  await snapshot('snap-tight', 'tight');
  const free = Number(await on.bash('vgs --noheadings --nosuffix --units m -o vg_free data'));
  await on.create('filler', Math.floor(free / 4) * 4);
  progress('the group is full');
  const content = `yes open-local | head -c ${700 * MIB}`;
  await on.bash(
    `${content} | dd of=/dev/data/tight bs=4M iflag=fullblock oflag=direct conv=fsync status=none`,
    600_000,
  );
  const { status } = await on.until('snap-tight', (volume) => volume.status?.snapshot?.overflowed === true);
  expect(status).toMatchObject({ phase: 'Failed', reason: 'SnapshotOverflowed' });
  expect(await on.bash(`${content} | cmp -n ${700 * MIB} - /dev/data/tight && echo same`, 300_000)).toBe('same');
  expect((await get('tight')).status?.phase).toBe('Ready');
  const listed = await operator?.controller.listSnapshots(csi.ListSnapshotsRequest.fromPartial({}), signal);
  const overflowed = listed?.entries.find(({ snapshot }) => snapshot?.snapshotId === 'snap-tight');
  expect(overflowed?.snapshot?.readyToUse).toBe(false);
  // What its content was is nowhere; what shows it says so, and it can be removed.
  await operator?.controller.deleteSnapshot(
    csi.DeleteSnapshotRequest.fromPartial({ snapshotId: 'snap-tight' }),
    signal,
  );
  await on.untilGone('snap-tight');
  await write('tight', '/dev/zero', 64);
});
