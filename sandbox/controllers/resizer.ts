import { CLAIMS, VOLUMES } from '../../src/kube/resource.ts';
import { bytes, NO_BYTES, type Bytes } from '../../src/model/bytes.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../src/model/objects.ts';
import { formatQuantity, parseQuantity } from '../../src/model/quantity.ts';
import { capabilitiesOf, rpcStatus, type ControllerCalls } from './csi-calls.ts';
import type { Deps } from './deps.ts';
import { onChange, type StandIn } from './stand-in.ts';
import { keyOf, splitKey, type Store } from './store.ts';

export interface ResizerDeps extends Deps {
  readonly driver: string;
  readonly controller: ControllerCalls;
}

type ClaimCondition = NonNullable<NonNullable<PersistentVolumeClaim['status']>['conditions']>[number];

const CALL_TIMEOUT_MS = 10_000;

/**
 * Stands in for external-resizer: grows the volume of a claim that asks for more, and leaves the filesystem to the
 * kubelet. Keys are claims.
 */
export function createResizer(deps: ResizerDeps): StandIn {
  const { claims, volumes, classes } = deps.stores;
  return {
    name: 'resizer',
    wakes: [onChange(claims, (claim) => [keyOf(claim)])],
    reconcile: async (key, signal) => {
      const claim = claims.get(key);
      const volume = volumes.get(claim?.spec?.volumeName ?? '');
      if (claim && volume && volume.spec?.csi?.driver === deps.driver && wantsMore(claim, volume, classes))
        await grow(claim, volume, deps, signal);
    },
  };
}

function wantsMore(
  { metadata, spec, status }: PersistentVolumeClaim,
  volume: PersistentVolume,
  classes: Store<StorageClass>,
): boolean {
  const allowed = classes.get(spec?.storageClassName ?? '')?.allowVolumeExpansion === true;
  const live = status?.phase === 'Bound' && metadata.deletionTimestamp === undefined;
  return allowed && live && storageOf(spec?.resources?.requests) > storageOf(volume.spec?.capacity);
}

/** Bytes of storage in a resource list; 0 without any. */
export const storageOf = (list: Readonly<Record<string, string>> | undefined): Bytes =>
  list?.['storage'] === undefined ? NO_BYTES : parseQuantity(list['storage']);

async function grow(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  deps: ResizerDeps,
  signal: AbortSignal,
): Promise<void> {
  const name = volume.metadata.name ?? '';
  deps.record(CLAIMS, claim, {
    type: 'Normal',
    reason: 'Resizing',
    message: `External resizer is resizing volume ${name}`,
  });
  try {
    const [volumeCapability] = capabilitiesOf(volume.spec, { fsType: volume.spec?.csi?.fsType ?? '' });
    const reply = await deps.controller.controllerExpandVolume(
      {
        volumeId: volume.spec?.csi?.volumeHandle ?? '',
        capacityRange: { requiredBytes: BigInt(storageOf(claim.spec?.resources?.requests)), limitBytes: 0n },
        secrets: {},
        volumeCapability,
      },
      AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
    );
    const capacity = { storage: formatQuantity(bytes(reply.capacityBytes)) };
    await deps.client.patch(VOLUMES, { name }, { type: 'merge', body: { spec: { capacity } } }, signal);
    await finish(claim, { capacity, onNode: reply.nodeExpansionRequired }, deps, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { text } = rpcStatus(error);
    const message = `resize volume "${name}" by resizer "${deps.driver}" failed: ${text}`;
    deps.record(CLAIMS, claim, { type: 'Warning', reason: 'VolumeResizeFailed', message });
    const condition = { type: 'ControllerResizeError', status: 'True', message: `Failed to expand PV: ${text}` };
    await writeStatus(claim, { conditions: withCondition(claim, condition) }, deps, signal);
    throw error;
  }
}

async function finish(
  claim: PersistentVolumeClaim,
  { capacity, onNode }: { readonly capacity: Record<string, string>; readonly onNode: boolean },
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const pending = { type: 'FileSystemResizePending', status: 'True' };
  const status = onNode
    ? { conditions: withCondition(withoutErrors(claim), pending) }
    : { capacity, conditions: withoutErrors(claim).status?.conditions ?? [] };
  await writeStatus(claim, status, deps, signal);
}

const withoutErrors = (claim: PersistentVolumeClaim): PersistentVolumeClaim => ({
  ...claim,
  status: {
    ...claim.status,
    conditions: (claim.status?.conditions ?? []).filter(({ type }) => type !== 'ControllerResizeError'),
  },
});

const withCondition = ({ status }: PersistentVolumeClaim, condition: ClaimCondition): ClaimCondition[] => [
  ...(status?.conditions ?? []).filter(({ type }) => type !== condition.type),
  condition,
];

async function writeStatus(
  claim: PersistentVolumeClaim,
  status: PersistentVolumeClaim['status'],
  { client }: Deps,
  signal: AbortSignal,
): Promise<void> {
  await client.patch(CLAIMS, splitKey(keyOf(claim)), { type: 'merge', body: { status } }, signal, 'status');
}
