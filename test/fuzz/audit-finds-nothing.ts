import { differencesOf } from '../../src/capacity/audit.ts';
import { Ledger } from '../../src/capacity/ledger.ts';
import { demand } from './violation.ts';
import type { World } from './world.ts';

/**
 * What the operator does from time to time: a ledger that is told now what was heard must not differ from the one that
 * has lived, and no sum may be other than that of its parts.
 */
export function auditFindsNothing({ ledger, model, policy }: World): void {
  const { node, volume, pv, pod } = model.known;
  const fresh = new Ledger(policy);
  for (const one of node.values()) fresh.nodeChanged(one);
  for (const one of volume.values()) fresh.volumeChanged(one);
  for (const one of pv.values()) fresh.pvChanged(one);
  for (const one of pod.values()) fresh.podChanged(one);
  const names = new Set([...ledger.audit().nodeNames(), ...node.keys()]);
  const [kept, now] = [ledger.audit().look(names), fresh.audit().look(names)];
  for (const name of names) {
    const differences = differencesOf(kept.get(name)!, now.get(name)!);
    demand(differences.length === 0, () => `${name}: ${JSON.stringify(differences[0])}`);
    const [broken] = kept.get(name)!.broken;
    demand(broken === undefined, () => `${name}: ${broken}`);
  }
}
