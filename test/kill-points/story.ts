import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as csi from '../../src/csi/gen/csi.ts';
import { volumeIdOf } from '../../src/csi/controller/volume-id.ts';
import { Code } from '../../src/csi/status.ts';
import { GIB } from '../../src/model/bytes.ts';
import { mappingNameOf, mappingPathOf } from '../../src/crypt/names.ts';
import { READ_ONLY_SNAPSHOT, SNAPSHOT_RESTORE } from '../../src/model/well-known.ts';
import type { Inventory, World } from './world.ts';

/** One operation as Kubernetes asks for it: a call that is repeated until it succeeds. */
export interface Step {
  readonly name: string;
  readonly call: (world: World, signal: AbortSignal) => Promise<unknown>;
  /** What there must be afterwards, no more and no less; parts that are left out may be anything. */
  readonly leaves: Partial<Inventory>;
  /** Present when more follows by itself after the call has succeeded. */
  readonly later?: true;
}

const VOLUME = 'pvc-1';
const DEVICE = `/dev/pool-0/${VOLUME}`;
const SNAPSHOT = 'snap-1';
/** Mounts the snapshot as it is: it has no logical volume of its own. */
const VIEW = 'pvc-2';

const capability = csi.VolumeCapability.fromPartial({
  accessType: { $case: 'mount', value: {} },
  accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
});
const staging = ({ targets }: World): string => path.join(targets, 'staging');
const target = ({ targets }: World): string => path.join(targets, 'pod/target');
const range = (gib: number) => ({ requiredBytes: BigInt(gib * GIB) });

const EMPTY: Inventory = { objects: [], volumes: [], mounts: [], mappings: [], filesystems: [], files: [] };
const MADE = { objects: [VOLUME], volumes: [VOLUME] };
const WITH_SNAPSHOT = { objects: [VOLUME, SNAPSHOT], volumes: [VOLUME, SNAPSHOT] };

/** A claim mounts the snapshot as it is, which an encrypted one cannot. */
const restoring = (parameters: Readonly<Record<string, string>>): readonly Step[] => [
  {
    name: 'restore, read-only',
    call: ({ csi: { controller } }, signal) =>
      controller.createVolume(
        csi.CreateVolumeRequest.fromPartial({
          name: VIEW,
          capacityRange: range(2),
          volumeCapabilities: [capability],
          parameters: { ...parameters },
          volumeContentSource: { type: { $case: 'snapshot', value: { snapshotId: SNAPSHOT } } },
        }),
        signal,
      ),
    leaves: { objects: [VOLUME, VIEW, SNAPSHOT], volumes: [VOLUME, SNAPSHOT] },
  },
  {
    name: 'delete the restored',
    call: ({ csi: { controller } }, signal) =>
      controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId: VIEW }), signal),
    leaves: { objects: [VOLUME, SNAPSHOT], volumes: [VOLUME, SNAPSHOT] },
  },
];

/** The life of one volume, from nothing to nothing. */
export const storyOf = (encryption: 'plain' | 'luks2'): readonly Step[] => {
  const isPlain = encryption === 'plain';
  const secrets = isPlain ? {} : { key: 'the key of this volume' };
  const parameters = { volumeType: 'LVM', ...(isPlain ? {} : { encryption }) };
  const staged = {
    mappings: isPlain ? [] : [mappingNameOf(VOLUME)],
    filesystems: [isPlain ? DEVICE : mappingPathOf(VOLUME)],
  };
  // What was in an encrypted volume is gone with its keys, and simulated cryptsetup leaves it listed.
  const { filesystems, ...others } = EMPTY;
  const nothing: Partial<Inventory> = isPlain ? { ...others, filesystems } : others;
  return [
    {
      name: 'create',
      call: ({ csi: { controller } }, signal) =>
        controller.createVolume(
          csi.CreateVolumeRequest.fromPartial({
            name: VOLUME,
            capacityRange: range(1),
            volumeCapabilities: [capability],
            parameters,
          }),
          signal,
        ),
      leaves: { ...nothing, ...MADE },
    },
    {
      name: 'stage',
      call: async (world, signal) => {
        await mkdir(staging(world), { recursive: true }); // as the kubelet does
        return world.node.nodeStageVolume(
          csi.NodeStageVolumeRequest.fromPartial({
            volumeId: VOLUME,
            stagingTargetPath: staging(world),
            volumeCapability: capability,
            secrets,
          }),
          signal,
        );
      },
      leaves: { ...MADE, mounts: ['staging'], ...staged, files: ['staging'] },
    },
    {
      name: 'publish',
      call: async (world, signal) => {
        await mkdir(path.dirname(target(world)), { recursive: true });
        return world.node.nodePublishVolume(
          csi.NodePublishVolumeRequest.fromPartial({
            volumeId: VOLUME,
            stagingTargetPath: staging(world),
            targetPath: target(world),
            volumeCapability: capability,
          }),
          signal,
        );
      },
      leaves: { ...MADE, mounts: ['pod/target', 'staging'], ...staged },
    },
    {
      name: 'expand in the group',
      call: ({ csi: { controller } }, signal) =>
        controller.controllerExpandVolume(
          csi.ControllerExpandVolumeRequest.fromPartial({ volumeId: VOLUME, capacityRange: range(2) }),
          signal,
        ),
      leaves: MADE,
    },
    {
      name: 'expand on the node',
      call: (world, signal) =>
        world.node.nodeExpandVolume(
          csi.NodeExpandVolumeRequest.fromPartial({
            volumeId: VOLUME,
            volumePath: target(world),
            stagingTargetPath: staging(world),
            capacityRange: range(2),
            secrets,
          }),
          signal,
        ),
      leaves: { ...MADE, mounts: ['pod/target', 'staging'], ...staged },
    },
    {
      name: 'snapshot',
      call: ({ csi: { controller } }, signal) =>
        controller.createSnapshot(
          csi.CreateSnapshotRequest.fromPartial({
            name: SNAPSHOT,
            sourceVolumeId: VOLUME,
            parameters: isPlain ? { [READ_ONLY_SNAPSHOT]: 'true' } : { [SNAPSHOT_RESTORE]: 'copy' },
          }),
          signal,
        ),
      leaves: { objects: [VOLUME, SNAPSHOT], volumes: [VOLUME, SNAPSHOT], mounts: ['pod/target', 'staging'] },
    },
    ...(isPlain ? restoring(parameters) : []),
    {
      name: 'unpublish',
      call: (world, signal) =>
        world.node.nodeUnpublishVolume(
          csi.NodeUnpublishVolumeRequest.fromPartial({ volumeId: VOLUME, targetPath: target(world) }),
          signal,
        ),
      leaves: { ...WITH_SNAPSHOT, mounts: ['staging'], files: ['pod', 'staging'] },
    },
    {
      name: 'unstage',
      call: (world, signal) =>
        world.node.nodeUnstageVolume(
          csi.NodeUnstageVolumeRequest.fromPartial({ volumeId: VOLUME, stagingTargetPath: staging(world) }),
          signal,
        ),
      leaves: { ...WITH_SNAPSHOT, mounts: [], mappings: [] },
    },
    {
      name: 'delete, while a snapshot needs it',
      call: ({ csi: { controller } }, signal) =>
        controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId: VOLUME }), signal),
      leaves: { ...WITH_SNAPSHOT, mounts: [], mappings: [] },
    },
    {
      name: 'delete the snapshot',
      call: ({ csi: { controller } }, signal) =>
        controller.deleteSnapshot(csi.DeleteSnapshotRequest.fromPartial({ snapshotId: SNAPSHOT }), signal),
      leaves: { ...nothing, files: ['pod', 'staging'] },
      later: true,
    },
  ];
};

const COPY = 'pvc-3';
const CLONE = 'pvc-4';

/** A volume is copied from a snapshot and from itself, and all of it goes. */
export const storyOfCopies = (): readonly Step[] => {
  const create = (name: string, volumeContentSource?: Parameters<typeof csi.VolumeContentSource.fromPartial>[0]) =>
    csi.CreateVolumeRequest.fromPartial({
      name,
      capacityRange: range(1),
      volumeCapabilities: [capability],
      parameters: { volumeType: 'LVM' },
      ...(volumeContentSource && { volumeContentSource }),
    });
  const remove =
    (volumeId: string): Step['call'] =>
    ({ csi: { controller } }, signal) =>
      controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId }), signal);
  const [made, all] = [
    [VOLUME, COPY, SNAPSHOT],
    [VOLUME, COPY, CLONE, SNAPSHOT],
  ];
  return [
    {
      name: 'create',
      call: ({ csi: { controller } }, signal) => controller.createVolume(create(VOLUME), signal),
      leaves: MADE,
    },
    {
      name: 'snapshot',
      call: ({ csi: { controller } }, signal) =>
        controller.createSnapshot(
          csi.CreateSnapshotRequest.fromPartial({
            name: SNAPSHOT,
            sourceVolumeId: VOLUME,
            parameters: { [SNAPSHOT_RESTORE]: 'copy' },
          }),
          signal,
        ),
      leaves: WITH_SNAPSHOT,
    },
    {
      name: 'restore',
      call: ({ csi: { controller } }, signal) =>
        controller.createVolume(create(COPY, { type: { $case: 'snapshot', value: { snapshotId: SNAPSHOT } } }), signal),
      leaves: { objects: made, volumes: made },
    },
    {
      name: 'clone',
      call: ({ csi: { controller } }, signal) =>
        controller.createVolume(create(CLONE, { type: { $case: 'volume', value: { volumeId: VOLUME } } }), signal),
      leaves: { objects: all, volumes: all },
      later: true, // the clone's own snapshot goes when it is whole
    },
    {
      name: 'delete the source, while its snapshot needs it',
      call: remove(VOLUME),
      leaves: { objects: all, volumes: all },
    },
    {
      name: 'delete the clone',
      call: remove(CLONE),
      leaves: { objects: made, volumes: made },
    },
    {
      name: 'delete the restored',
      call: remove(COPY),
      leaves: WITH_SNAPSHOT,
    },
    {
      name: 'delete the snapshot',
      call: ({ csi: { controller } }, signal) =>
        controller.deleteSnapshot(csi.DeleteSnapshotRequest.fromPartial({ snapshotId: SNAPSHOT }), signal),
      leaves: { objects: [], volumes: [], mappings: [] },
      later: true,
    },
  ];
};

const OTHER = 'pvc-5';
const GROUP_SNAPSHOT = 'group-1';

/** Two volumes are snapshotted together, and all of it goes. */
export const storyOfGroups = (): readonly Step[] => {
  const create = (name: string): Step['call'] => {
    const volume = {
      name,
      capacityRange: range(1),
      volumeCapabilities: [capability],
      parameters: { volumeType: 'LVM' },
    };
    return ({ csi: { controller } }, signal) =>
      controller.createVolume(csi.CreateVolumeRequest.fromPartial(volume), signal);
  };
  const remove =
    (volumeId: string): Step['call'] =>
    ({ csi: { controller } }, signal) =>
      controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId }), signal);
  const group = {
    ...{ name: GROUP_SNAPSHOT, sourceVolumeIds: [VOLUME, OTHER] },
    parameters: { [READ_ONLY_SNAPSHOT]: 'true' },
  };
  const parts = [VOLUME, OTHER].map((volume) => volumeIdOf(`${GROUP_SNAPSHOT}/${volume}`));
  const both = [VOLUME, OTHER];
  const all = [...parts, ...both].toSorted();
  return [
    { name: 'create', call: create(VOLUME), leaves: MADE },
    { name: 'create another', call: create(OTHER), leaves: { objects: both, volumes: both } },
    {
      name: 'snapshot both together',
      call: ({ csi: { groups } }, signal) =>
        groups.createVolumeGroupSnapshot(csi.CreateVolumeGroupSnapshotRequest.fromPartial(group), signal),
      leaves: { objects: all, volumes: all },
    },
    {
      name: 'delete the first, while its snapshot needs it',
      call: remove(VOLUME),
      leaves: { objects: all, volumes: all },
    },
    {
      name: 'delete the group snapshot',
      call: ({ csi: { groups } }, signal) => {
        const request = { groupSnapshotId: GROUP_SNAPSHOT, snapshotIds: parts };
        return groups.deleteVolumeGroupSnapshot(csi.DeleteVolumeGroupSnapshotRequest.fromPartial(request), signal);
      },
      leaves: { objects: [OTHER], volumes: [OTHER] },
      later: true,
    },
    { name: 'delete the other', call: remove(OTHER), leaves: EMPTY },
  ];
};

/** Codes on which a sidecar or the kubelet asks again, and finds what was begun. */
const AGAIN: ReadonlySet<unknown> = new Set([Code.ABORTED, Code.UNAVAILABLE, Code.CANCELLED, Code.DEADLINE_EXCEEDED]);

const WITHIN_MS = 60_000;
const BETWEEN_MS = 20;

/**
 * Calls until it succeeds. What a dying program says is of no account: whoever calls sees a broken connection. Throws
 * what a living one says that is final.
 */
export async function untilOk(step: Step, world: World): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const killsBefore = world.kills;
    try {
      await step.call(world, AbortSignal.timeout(30_000));
      return;
    } catch (error) {
      await world.settled();
      const { code } = error as { readonly code?: unknown };
      const final = !AGAIN.has(code) && world.kills === killsBefore;
      if (final || performance.now() > deadline) throw new Error(`${step.name}: ${String(error)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
  }
}
