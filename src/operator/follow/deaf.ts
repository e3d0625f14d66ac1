import type { InformerHealth } from '../../kube/follow/informer.ts';

/** A watch tells something each minute, at least a bookmark. Ms. */
export const DEAF_MS = 150_000;
/** One that fails so often in a row fails for some seconds. */
const FAILURES = 3;

/** Why nothing new is heard of the objects of a kind, in a clause; undefined while it is. */
export function deafTo({ failures, lastError = 'no answer', silentMs = 0 }: InformerHealth): string | undefined {
  if (failures >= FAILURES) return `the API server lets nobody follow them (${lastError})`;
  return silentMs >= DEAF_MS ? 'the API server tells nothing of them' : undefined;
}
