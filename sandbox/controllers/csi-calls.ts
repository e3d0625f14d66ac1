import type { CsiClient } from '../../src/csi/client.ts';
import { VolumeCapability_AccessMode_Mode as Mode, type VolumeCapability } from '../../src/csi/gen/csi.ts';
import { Fault } from '../../src/model/fault.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../src/model/objects.ts';

/** Calls that provisioner and resizer make. */
export type ControllerCalls = Pick<CsiClient['controller'], 'createVolume' | 'deleteVolume' | 'controllerExpandVolume'>;

/** Calls that the snapshotter makes. */
export type SnapshotCalls = Pick<CsiClient['controller'], 'createSnapshot' | 'deleteSnapshot'>;

/** Calls that a kubelet makes. */
export type NodeCalls = Pick<
  CsiClient['node'],
  | 'nodeGetInfo'
  | 'nodeStageVolume'
  | 'nodePublishVolume'
  | 'nodeUnpublishVolume'
  | 'nodeUnstageVolume'
  | 'nodeExpandVolume'
>;

/** Names of the status codes by number: https://grpc.io/docs/guides/status-codes/ */
const CODES = (
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted ' +
  'FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated'
).split(' ');

/** Status of a failed call: the code as Go names it, and the text that Go prints for it. */
export function rpcStatus(error: unknown): { readonly code: string; readonly text: string } {
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
  const name = (typeof code === 'number' ? CODES[code] : undefined) ?? 'Unknown';
  return { code: name, text: `rpc error: code = ${name} desc = ${String(details ?? error)}` };
}

const ACCESS_MODES: Readonly<Record<string, Mode>> = {
  ReadWriteOnce: Mode.SINGLE_NODE_WRITER,
  ReadWriteOncePod: Mode.SINGLE_NODE_SINGLE_WRITER,
  ReadOnlyMany: Mode.MULTI_NODE_READER_ONLY,
  ReadWriteMany: Mode.MULTI_NODE_MULTI_WRITER,
};

/** Makes one capability for each access mode, as the sidecars do. Throws Fault `invalid` for an unknown mode. */
export function capabilitiesOf(
  spec: PersistentVolumeClaim['spec'] | PersistentVolume['spec'],
  mount: { readonly fsType: string; readonly mountFlags?: readonly string[] },
): VolumeCapability[] {
  const { fsType, mountFlags = [] } = mount;
  const accessType: VolumeCapability['accessType'] =
    spec?.volumeMode === 'Block'
      ? { $case: 'block', value: {} }
      : { $case: 'mount', value: { fsType, mountFlags: [...mountFlags], volumeMountGroup: '' } };
  return (spec?.accessModes ?? []).map((word) => {
    const mode = ACCESS_MODES[word];
    if (mode === undefined) throw new Fault('invalid', `access mode "${word}" is unknown`);
    return { accessType, accessMode: { mode } };
  });
}
