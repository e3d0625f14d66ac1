import type { NodeLocalStorage } from '../../model/objects.ts';
import { inWords } from '../../model/in-words.ts';
import { nameOf, statusTimes, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';

/** Tokens and certificates are refused from about a minute on. */
const WRONG_MS = 30_000;

/** The clock of each node against that of the API server, by the node's reports. */
export function checkClocks({ storages = [], now }: Pick<Facts, 'storages' | 'now'>): readonly Finding[] {
  return storages.flatMap((nls) => {
    const ahead = aheadOf(nls, now);
    if (Math.abs(ahead) <= WRONG_MS) return [];
    const what = `It is ${inWords(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} the API server.`;
    const mend = 'timedatectl set-ntp true   on the node, or start chronyd there';
    return [found('NodeClockWrong', `Node/${nameOf(nls)}`, what, mend)];
  });
}

/**
 * Ms; 0 where it cannot be told. A report has the time at which the node wrote it, and the server notes when it came,
 * in whole seconds. Without that note a report from the future is wrong all the same.
 */
function aheadOf(nls: NodeLocalStorage, now: number): number {
  const told = Date.parse(nls.status?.nodeStorageInfo?.state?.lastHeartbeatTime ?? '');
  if (Number.isNaN(told)) return 0;
  const came = statusTimes(nls).at(-1);
  return came === undefined ? Math.max(0, told - now) : told - came;
}
