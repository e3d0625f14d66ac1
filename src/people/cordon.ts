import { cordonOf, cordonValue, EVERYTHING, isCordoned, placesOf } from '../model/cordon.ts';
import { Fault } from '../model/fault.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { isNot } from './words/command-text.ts';

/** A change to what of a node is cordoned. */
export interface CordonChange {
  /** The annotation's new value, as a merge patch has it; absent: it is so already. */
  readonly value?: string | null;
  /** One sentence. */
  readonly told: string;
}

/**
 * Cordons one place of a node, or all of it. Throws Fault for a name that is no volume group, disk or mount point of
 * the node: it would keep nothing back.
 */
export function cordoned(nls: NodeLocalStorage, name = EVERYTHING): CordonChange {
  judgeName(nls, name);
  const now = cordonOf(nls);
  if (isCordoned(now, name)) return { told: `${whatOf(nls, name)} is cordoned already.` };
  const value = cordonValue(name === EVERYTHING ? [EVERYTHING] : [...now, name]);
  return { value, told: `${whatOf(nls, name)} gets no new volumes now; what is there stays, and may grow.` };
}

/** Takes the cordon of one place away, or all. Throws Fault where one place cannot be taken out of a whole node. */
export function uncordoned(nls: NodeLocalStorage, name?: string): CordonChange {
  const now = cordonOf(nls);
  const node = nls.metadata.name ?? '';
  if (name === undefined) {
    const told = `all storage of node ${node} may get volumes again.`;
    return now.size === 0 ? { told: `nothing of node ${node} is cordoned.` } : { value: null, told };
  }
  if (now.has(name)) {
    const value = cordonValue([...now].filter((each) => each !== name));
    return { value, told: `${whatOf(nls, name)} may get volumes again.` };
  }
  if (now.has(EVERYTHING))
    throw new Fault(
      'precondition',
      `all of node ${node} is cordoned: kubectl open-local uncordon ${node}, and then cordon what shall stay so`,
    );
  judgeName(nls, name);
  return { told: `${whatOf(nls, name)} is not cordoned.` };
}

function judgeName(nls: NodeLocalStorage, name: string): void {
  const places = placesOf(nls);
  if (name === EVERYTHING || places.includes(name)) return;
  const what = `a volume group, disk or mount point that node ${nls.metadata.name} reports`;
  throw new Fault(
    'invalid',
    places.length === 0 ? `"${name}" is not ${what}: it reports none` : isNot(name, what, places),
  );
}

const whatOf = ({ metadata }: NodeLocalStorage, name: string): string =>
  name === EVERYTHING ? `all storage of node ${metadata.name}` : `${name} of node ${metadata.name}`;
