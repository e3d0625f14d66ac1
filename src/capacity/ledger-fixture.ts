import { bytes, GIB, MIB, type Bytes } from '../model/bytes.ts';
import type {
  ClaimFacts,
  ClassFacts,
  GroupFacts,
  NodeStorage,
  PodFacts,
  PodVolume,
  UnitFacts,
  VolumeFacts,
} from '../model/facts.ts';
import { Ledger, type LedgerPolicy } from './ledger.ts';

/**
 * Facts for tests, with everything that a test does not care about filled in. Sizes in GiB where a plain number is
 * given.
 */

/** So few that nearly every test sees the ledger's columns grow. */
export const FIRST_ROWS = 2;

export const DRIVER = 'local.csi.aliyun.com';
export const gib = (n: number): Bytes => bytes(n * GIB);

export function group(name: string, size: number, more: Partial<GroupFacts> = {}): GroupFacts {
  const volumes = more.volumes ?? [];
  const used = volumes.reduce((sum, volume) => sum + volume.size, 0);
  return {
    name,
    total: gib(size),
    available: bytes(gib(size) - used),
    extentSize: bytes(4 * MIB),
    reserved: bytes(0),
    volumes,
    ...more,
  };
}

export const unit = (
  kind: UnitFacts['kind'],
  path: string,
  size: number,
  more: Partial<UnitFacts> = {},
): UnitFacts => ({
  kind,
  path,
  size: gib(size),
  mediaType: 'ssd',
  usable: true,
  ...more,
});

export const node = (name: string, groups: readonly GroupFacts[], units: readonly UnitFacts[] = []): NodeStorage => ({
  name,
  groups,
  units,
});

export const lvm = (name: string, parameters: Record<string, string> = {}): ClassFacts => ({
  name,
  provisioner: DRIVER,
  parameters: { volumeType: 'LVM', ...parameters },
});

export const claim = (name: string, size: number, more: Partial<ClaimFacts> = {}): ClaimFacts => ({
  uid: `uid-${name}`,
  namespace: 'default',
  name,
  storageClass: 'lvm',
  requested: gib(size),
  bound: false,
  deleting: false,
  ...more,
});

/** A pod that uses these claims. */
export const pod = (name: string, claims: readonly string[], more: Partial<PodFacts> = {}): PodFacts => ({
  uid: `uid-${name}`,
  namespace: 'default',
  name,
  finished: false,
  volumes: claims.map((claimName): PodVolume => ({ kind: 'claim', claimName })),
  ...more,
});

export const volume = (name: string, where: string, size: number, more: Partial<VolumeFacts> = {}): VolumeFacts => ({
  name,
  node: 'n1',
  kind: 'LVM',
  where,
  size: gib(size),
  ...more,
});

/** A ledger that has seen these objects. The classes `lvm` (any group) and `pool-0` (that group) are always there. */
export function ledgerWith(
  objects: {
    readonly nodes?: readonly NodeStorage[];
    readonly classes?: readonly ClassFacts[];
    readonly claims?: readonly ClaimFacts[];
    readonly volumes?: readonly VolumeFacts[];
    readonly pods?: readonly PodFacts[];
  },
  policy: Partial<LedgerPolicy> = {},
): Ledger {
  const ledger = new Ledger({
    strategy: 'binpack',
    drivers: [DRIVER],
    holdTtlMs: 60_000,
    float: { kind: 'wide' },
    firstRows: FIRST_ROWS,
    ...policy,
  });
  for (const item of [lvm('lvm'), lvm('pool-0', { vgName: 'pool-0' }), ...(objects.classes ?? [])])
    ledger.classChanged(item);
  for (const item of objects.nodes ?? []) ledger.nodeChanged(item);
  for (const item of objects.volumes ?? []) ledger.volumeChanged(item);
  for (const item of objects.claims ?? []) ledger.claimChanged(item);
  for (const item of objects.pods ?? []) ledger.podChanged(item);
  return ledger;
}

/** The names that the pod fits on, in the order asked. */
export function fitting(ledger: Ledger, asking: PodFacts, names: readonly string[], nowMs = 0): string[] {
  const { refusals } = ledger.filter(asking, names, nowMs);
  return names.filter((_, i) => refusals[i] === undefined);
}

/** Free bytes of a group, for comparing with `gib`. */
export function freeIn(ledger: Ledger, nodeName: string, groupName: string): number | undefined {
  return ledger.node(nodeName)?.groups.find(({ name }) => name === groupName)?.free;
}
