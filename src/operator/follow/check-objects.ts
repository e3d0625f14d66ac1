import type { ToldObjects } from '../../capacity/audit.ts';
import type { Ledger } from '../../capacity/ledger.ts';
import type { Log } from '../../model/log.ts';
import { inTurns } from '../../wait/turns.ts';
import type { Informers } from './informers.ts';

export interface CheckObjectsDeps {
  readonly ledger: Pick<Ledger, 'audit' | 'claimChanged' | 'claimGone' | 'pvChanged' | 'pvGone'> &
    Pick<Ledger, 'classChanged' | 'classGone'>;
  readonly informers: { readonly [K in keyof ToldObjects]: Pick<Informers[K], 'values'> };
  readonly log: Log;
}

/** Compared without a break: mostly the same object on both sides, else a few microseconds. */
const AT_ONCE = 1000;

/** One kind of object, as it was heard and as the ledger knows it, and how the ledger is told. */
interface Sides<F> {
  readonly kind: string;
  readonly heard: { get(key: string): F | undefined; keys(): Iterable<string> };
  readonly told: ReadonlyMap<string, F>;
  readonly changed: (facts: F) => void;
  readonly gone: (facts: F) => void;
}

/**
 * Compares what the ledger knows of StorageClasses, PersistentVolumes and claims, each once, with what the informers
 * have. Where they differ both sides are logged, and the ledger is told again. Returns how many differed. An event that
 * got lost would otherwise refuse a pod for a claim that is there, or hold room for one that is gone, until a restart.
 */
export async function checkObjects(deps: CheckObjectsDeps, signal: AbortSignal): Promise<number> {
  const { ledger, informers } = deps;
  const { claims, pvs, classes } = ledger.audit().told;
  const check = <F>(sides: Sides<F>): Promise<number> => checkKind(sides, deps.log, signal);
  // Classes first: what a claim takes follows from its class.
  const ofClasses = await check({
    kind: 'StorageClass',
    heard: informers.classes.values,
    told: classes,
    changed: (facts) => ledger.classChanged(facts),
    gone: ({ name }) => ledger.classGone(name),
  });
  const { values } = informers.pvs;
  const ofPvs = await check({
    kind: 'PersistentVolume',
    heard: { get: (key) => values.get(key)?.facts, keys: () => values.keys() },
    told: pvs,
    changed: (facts) => ledger.pvChanged(facts),
    gone: ({ name }) => ledger.pvGone(name),
  });
  const ofClaims = await check({
    kind: 'PersistentVolumeClaim',
    heard: informers.claims.values,
    told: claims,
    changed: (facts) => ledger.claimChanged(facts),
    gone: ({ uid }) => ledger.claimGone(uid),
  });
  return ofClasses + ofPvs + ofClaims;
}

async function checkKind<F>(sides: Sides<F>, log: Log, signal: AbortSignal): Promise<number> {
  let wrong = 0;
  const look = (key: string): void => {
    if (!checkOne(key, sides, log)) wrong += 1;
  };
  await inTurns(new Set([...sides.heard.keys(), ...sides.told.keys()]), AT_ONCE, look, signal);
  return wrong;
}

/** In one step, so that no event comes between the look and the mending. False where the ledger was wrong. */
function checkOne<F>(key: string, { kind, heard, told, changed, gone }: Sides<F>, log: Log): boolean {
  const [now, kept] = [heard.get(key), told.get(key)];
  if (now === kept || textOf(now) === textOf(kept)) return true;
  const [object, action] = [`${kind}/${key}`, { ledger: kept ?? 'nothing', objects: now ?? 'nothing' }];
  log.error({ object, action }, 'the ledger was wrong about an object; it is told again');
  try {
    if (now !== undefined) changed(now);
    else if (kept !== undefined) gone(kept);
  } catch (err) {
    log.error({ object, err }, 'the ledger could not be told');
  }
  return false;
}

const textOf = (facts: unknown): string | undefined => JSON.stringify(facts);
