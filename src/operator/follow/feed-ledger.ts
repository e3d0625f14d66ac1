import type { Ledger } from '../../capacity/ledger.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { Informers } from './informers.ts';

/** The informers whose events the ledger hears. */
export type Heard = {
  readonly [K in Exclude<keyof Informers, 'nodes' | 'initConfigs'>]: Pick<Informers[K], 'subscribe'>;
};

type Subject = 'class' | 'node' | 'volume' | 'pv' | 'claim' | 'pod';
export type LedgerEvent = `${Subject}Changed` | `${Subject}Gone`;

/**
 * Turns every event of the API server into one of the ledger's, and does nothing else. To be called before the
 * informers run.
 */
export function feedLedger(
  { storages, volumes, pods, claims, pvs, classes }: Heard,
  ledger: Pick<Ledger, LedgerEvent>,
): void {
  classes.subscribe({
    changed: (storageClass) => ledger.classChanged(storageClass),
    deleted: ({ name }) => ledger.classGone(name),
  });
  storages.subscribe({
    changed: ({ storage }) => ledger.nodeChanged(storage),
    deleted: ({ name }) => ledger.nodeGone(name),
  });
  volumes.subscribe({
    changed: (volume) => ledger.volumeChanged(volumeFacts(volume)),
    deleted: ({ metadata }) => ledger.volumeGone(metadata.name ?? ''),
  });
  pvs.subscribe({
    changed: ({ facts }) => ledger.pvChanged(facts),
    deleted: ({ facts }) => ledger.pvGone(facts.name),
  });
  claims.subscribe({
    changed: (claim) => ledger.claimChanged(claim),
    deleted: ({ uid }) => ledger.claimGone(uid),
  });
  pods.subscribe({
    changed: (pod) => ledger.podChanged(pod),
    deleted: ({ uid }) => ledger.podGone(uid),
  });
}
