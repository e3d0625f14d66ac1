import type { Replica } from '../system/replica.ts';

/** How often kube-scheduler called each verb of the extender. */
export interface ExtenderCalls {
  readonly filter: number;
  readonly prioritize: number;
  readonly preempt: number;
  readonly bind: number;
}

const COUNT = /^open_local_extender_call_seconds_count\{verb="(\w+)",outcome="[^"]*"\} (\d+)$/gm;

/** All calls that a page of the operator's metrics tells of, whatever became of them. */
export function callsOn(page: string): ExtenderCalls {
  const calls = { filter: 0, prioritize: 0, preempt: 0, bind: 0 };
  for (const [, verb, count] of page.matchAll(COUNT)) calls[verb as keyof ExtenderCalls] += Number(count);
  return calls;
}

/** Since this replica began to lead. */
export async function extenderCalls({ readyUrl }: Pick<Replica, 'readyUrl'>): Promise<ExtenderCalls> {
  const answer = await fetch(new URL('/metrics', readyUrl));
  return callsOn(await answer.text());
}
