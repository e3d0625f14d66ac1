import type { Ledger } from '../src/capacity/ledger.ts';
import { bytes, GIB, MIB } from '../src/model/bytes.ts';
import { DEFAULT_DRIVER } from '../src/model/well-known.ts';

/** The cluster of the benchmarks: half of its nodes are full, so that half of the names are refused. */

export const POD_NAMESPACE = 'shop';

/** Makes the name of a node as a cloud gives it. */
export const nodeName = (i: number): string =>
  `ip-10-${i >> 16}-${(i >> 8) & 255}-${i & 255}.eu-west-1.compute.internal`;

export const claimName = (pod: number, claim: number): string => `data-${claim}-web-${pod}`;

/** Pods of the benchmarks, by number; each has the first so many of its claims. */
export const PODS = 16;

const TOTAL = bytes(1024 * GIB);
const FULL = bytes(1024 * GIB - 4 * MIB);

/** Makes nodes with one group each, a class, and the claims of the pods. */
export function fillCluster(
  ledger: Ledger,
  { nodes, claims }: { readonly nodes: number; readonly claims: number },
): void {
  for (let i = 0; i < nodes; i++) {
    const used = isFull(i) ? FULL : bytes(0);
    const group = {
      name: 'open-local-pool-0',
      total: TOTAL,
      available: bytes(TOTAL - used),
      extentSize: bytes(4 * MIB),
      reserved: bytes(0),
    };
    ledger.nodeChanged({
      name: nodeName(i),
      groups: [{ ...group, volumes: used > 0 ? [{ name: 'old', size: used }] : [] }],
      units: [],
    });
  }
  ledger.classChanged({
    name: 'open-local-lvm',
    provisioner: DEFAULT_DRIVER,
    parameters: { volumeType: 'LVM', vgName: 'open-local-pool-0' },
  });
  for (let pod = 0; pod < PODS; pod++) {
    for (let claim = 0; claim < claims; claim++) {
      const name = claimName(pod, claim);
      ledger.claimChanged({
        uid: name,
        namespace: POD_NAMESPACE,
        name,
        storageClass: 'open-local-lvm',
        requested: bytes(GIB),
        bound: false,
        deleting: false,
      });
    }
  }
}

/** Tells whether a node is full: half of them are, in an order that no branch predictor can learn. */
export function isFull(i: number): boolean {
  return Math.imul(i + 1, 0x9e3779b1) >>> 31 === 1;
}
