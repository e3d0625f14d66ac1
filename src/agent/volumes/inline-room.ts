import { bytes, formatBytes, NO_BYTES, roundUp, type Bytes } from '../../model/bytes.ts';
import { nodeStorage } from '../../model/decode-node.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';

/**
 * Throws Fault `exhausted`, with the numbers, unless an inline volume may be made in the group by the rules of the
 * ledger (docs/ledger.md): a pod that names its node asks no scheduler, so that the agent is the only one to say no.
 * Only what is managed is given, and of that neither what is reserved, nor what volumes have or were promised.
 */
export function assertInlineRoom(
  wanted: { readonly id: string; readonly vgName: string; readonly sizeBytes: Bytes },
  nls: NodeLocalStorage | undefined,
  volumes: Iterable<LocalVolume>,
): void {
  const { id, vgName, sizeBytes } = wanted;
  const group = nls && nodeStorage(nls).storage.groups.find(({ name }) => name === vgName);
  if (!group)
    throw new Fault(
      'exhausted',
      `volume ${id}: volume group ${vgName} is not one that open-local manages on this node: name one that spec.listConfig includes`,
    );
  const { total, reserved, available, extentSize } = group;
  const observed = new Map(group.volumes.map(({ name, size }) => [name, size]));
  const names = new Map<string, Bytes>(observed);
  for (const { metadata, spec } of volumes) {
    if (spec.kind !== 'LVM' || spec.vgName !== vgName || spec.readOnly) continue; // a mounted snapshot has no room
    const { name = '' } = metadata;
    const recorded = roundUp(bytes(spec.sizeBytes), extentSize);
    names.set(name, bytes(Math.max(recorded, observed.get(name) ?? NO_BYTES)));
  }
  const taken = sum(names.values());
  const unattributed = Math.max(0, total - available - sum(observed.values()));
  const free = Math.max(0, total - reserved - taken - unattributed);
  const needed = roundUp(sizeBytes, extentSize);
  if (needed <= free) return;
  const others = bytes(taken + unattributed);
  throw new Fault(
    'exhausted',
    `volume ${id}: volume group ${vgName} has ${formatBytes(bytes(free))} for it, and ${formatBytes(needed)} are asked for: of ${formatBytes(total)}, ${formatBytes(reserved)} are reserved and ${formatBytes(others)} are taken`,
  );
}

const sum = (sizes: Iterable<number>): number => [...sizes].reduce((total, size) => total + size, 0);
