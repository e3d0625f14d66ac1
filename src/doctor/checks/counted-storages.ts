import { reportedStorages, type ReadObjects } from '../../operator/follow/ledger-of.ts';
import { asUnregistered, knowsDriver } from '../../operator/follow/registered-nodes.ts';
import { asSilent } from '../../operator/follow/silent-nodes.ts';
import type { StorageView } from '../../operator/follow/views.ts';
import { silenceOf } from './agents.ts';

/** Storages as the operator counts them for new volumes; an agent is silent by the clock of the API server. */
export function countedStorages(
  read: Pick<ReadObjects, 'storages' | 'settings' | 'csiNodes'> & { readonly now: number },
): readonly StorageView[] {
  const { storages, settings, csiNodes = [], now } = read;
  const without = csiNodes.filter((csiNode) => !knowsDriver(csiNode, settings.driver));
  const unregistered = new Set(without.map(({ metadata }) => metadata.name));
  return reportedStorages(read).map((reported, i) => {
    const nls = storages[i];
    const isSilent = nls && reported.isOurs && silenceOf(nls, now) !== undefined;
    const view = isSilent ? asSilent(reported) : reported;
    return unregistered.has(view.name) ? asUnregistered(view) : view;
  });
}
