import { reportedStorages, type ReadObjects } from '../../operator/follow/ledger-of.ts';
import { asSilent } from '../../operator/follow/silent-nodes.ts';
import type { StorageView } from '../../operator/follow/views.ts';
import { silenceOf } from './agents.ts';

/** Storages as the operator counts them for new volumes; an agent is silent by the clock of the API server. */
export const countedStorages = (
  read: Pick<ReadObjects, 'storages' | 'settings'> & { readonly now: number },
): readonly StorageView[] =>
  reportedStorages(read).map((view, i) => {
    const nls = read.storages[i];
    return nls && view.isOurs && silenceOf(nls, read.now) !== undefined ? asSilent(view) : view;
  });
