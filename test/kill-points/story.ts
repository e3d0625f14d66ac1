import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as csi from '../../src/csi/gen/csi.ts';
import { Code } from '../../src/csi/status.ts';
import { GIB } from '../../src/model/bytes.ts';
import type { Inventory, World } from './world.ts';

/** One operation as Kubernetes asks for it: a call that is repeated until it succeeds. */
export interface Step {
  readonly name: string;
  readonly call: (world: World, signal: AbortSignal) => Promise<unknown>;
  /** What there must be afterwards, no more and no less; parts that are left out may be anything. */
  readonly leaves: Partial<Inventory>;
}

const VOLUME = 'pvc-1';
const DEVICE = `/dev/pool-0/${VOLUME}`;

const capability = csi.VolumeCapability.fromPartial({
  accessType: { $case: 'mount', value: {} },
  accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
});
const staging = ({ targets }: World): string => path.join(targets, 'staging');
const target = ({ targets }: World): string => path.join(targets, 'pod/target');
const range = (gib: number) => ({ requiredBytes: BigInt(gib * GIB) });

const EMPTY: Inventory = { objects: [], volumes: [], mounts: [], filesystems: [], files: [] };
const MADE = { objects: [VOLUME], volumes: [VOLUME] };

/** The life of one volume, from nothing to nothing. */
export const STORY: readonly Step[] = [
  {
    name: 'create',
    call: ({ csi: { controller } }, signal) =>
      controller.createVolume(
        csi.CreateVolumeRequest.fromPartial({
          name: VOLUME,
          capacityRange: range(1),
          volumeCapabilities: [capability],
          parameters: { volumeType: 'LVM' },
        }),
        signal,
      ),
    leaves: { ...EMPTY, ...MADE },
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
        }),
        signal,
      );
    },
    leaves: { ...MADE, mounts: ['staging'], filesystems: [DEVICE], files: ['staging'] },
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
    leaves: { ...MADE, mounts: ['pod/target', 'staging'], filesystems: [DEVICE] },
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
        }),
        signal,
      ),
    leaves: { ...MADE, mounts: ['pod/target', 'staging'], filesystems: [DEVICE] },
  },
  {
    name: 'unpublish',
    call: (world, signal) =>
      world.node.nodeUnpublishVolume(
        csi.NodeUnpublishVolumeRequest.fromPartial({ volumeId: VOLUME, targetPath: target(world) }),
        signal,
      ),
    leaves: { ...MADE, mounts: ['staging'], files: ['pod', 'staging'] },
  },
  {
    name: 'unstage',
    call: (world, signal) =>
      world.node.nodeUnstageVolume(
        csi.NodeUnstageVolumeRequest.fromPartial({ volumeId: VOLUME, stagingTargetPath: staging(world) }),
        signal,
      ),
    leaves: { ...MADE, mounts: [] },
  },
  {
    name: 'delete',
    call: ({ csi: { controller } }, signal) =>
      controller.deleteVolume(csi.DeleteVolumeRequest.fromPartial({ volumeId: VOLUME }), signal),
    leaves: { ...EMPTY, files: ['pod', 'staging'] },
  },
];

/** Codes on which a sidecar or the kubelet asks again, and finds what was begun. */
const AGAIN: ReadonlySet<unknown> = new Set([Code.ABORTED, Code.UNAVAILABLE, Code.CANCELLED, Code.DEADLINE_EXCEEDED]);

const TRIES = 100;
const BETWEEN_MS = 20;

/**
 * Calls until it succeeds. What a dying program says is of no account: whoever calls sees a broken connection. Throws
 * what a living one says that is final.
 */
export async function untilOk(step: Step, world: World): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const killsBefore = world.kills;
    try {
      await step.call(world, AbortSignal.timeout(30_000));
      return;
    } catch (error) {
      await world.settled();
      const { code } = error as { readonly code?: unknown };
      const final = !AGAIN.has(code) && world.kills === killsBefore;
      if (final || tries > TRIES) throw new Error(`${step.name}: ${String(error)}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
  }
}
