import { classOf } from '../../model/decode-claim.ts';
import type { Pod } from '../../model/objects.ts';
import { EXTENDER_CALLED } from '../../model/well-known.ts';
import { inWords } from '../../model/in-words.ts';
import { isOurDriver, nameOf, placeOf, since, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { SCHEDULER_CONFIG } from '../model/mend.ts';

/** Clocks differ, and the Lease is written every two seconds. */
const LATER_MS = 60_000;
const WAITED_MS = 120_000;

/** A proof that kube-scheduler places pods without asking. On a cluster where nothing was placed there is none. */
export function checkCalls(facts: Facts): Finding[] {
  const { lease, settings, namespace } = facts;
  if (!lease?.spec?.holderIdentity) return [];
  const called = lease.metadata.annotations?.[EXTENDER_CALLED];
  const leads = lease.spec.acquireTime ?? '';
  const proof =
    volumeMadeAfter(Date.parse(called ?? leads), facts) ??
    (called === undefined ? podThatWaits(leads, facts) : undefined);
  if (proof === undefined) return [];
  const last = called === undefined ? `has not called since a leader is there (${leads})` : `last called at ${called}`;
  return [
    found(
      'ExtenderNotCalled',
      `Service/${namespace}/${settings.service}`,
      `kube-scheduler ${last}, and ${proof}.`,
      SCHEDULER_CONFIG,
      'kubectl -n kube-system logs -l component=kube-scheduler --tail=-1 | grep -i extender',
    ),
  ];
}

/** Every volume is made for a pod that was placed a moment before. */
function volumeMadeAfter(time: number, facts: Facts): string | undefined {
  const pv = (facts.pvs ?? [])
    .filter(({ spec }) => isOurDriver(spec?.csi?.driver, facts))
    .find(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '') - time > LATER_MS);
  return pv && `PersistentVolume ${nameOf(pv)} was made at ${pv.metadata.creationTimestamp ?? ''}`;
}

function podThatWaits(leads: string, facts: Facts): string | undefined {
  const isLong = (time: string | undefined): boolean => (since(time, facts.now) ?? 0) > WAITED_MS;
  const pod = (facts.pendingPods ?? []).find(
    (each) => isLong(leads) && isLong(each.metadata.creationTimestamp) && asksForUs(each, facts),
  );
  return pod && `pod ${placeOf(pod)} waits for ${inWords(since(pod.metadata.creationTimestamp, facts.now) ?? 0)}`;
}

/** Whether a pod without a node has an inline volume of ours, or a claim of a class of ours. */
export function asksForUs({ metadata, spec }: Pod, facts: Facts): boolean {
  const { classes = [], claims = [] } = facts;
  if (spec?.nodeName !== undefined) return false;
  if ((spec?.volumes ?? []).some(({ csi }) => isOurDriver(csi?.driver, facts))) return true;
  const ours = new Set(classes.filter(({ provisioner }) => isOurDriver(provisioner, facts)).map(nameOf));
  const names = (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  return claims
    .filter((claim) => claim.metadata.namespace === metadata.namespace && names.includes(nameOf(claim)))
    .some((claim) => ours.has(classOf(claim.metadata, claim.spec) ?? ''));
}
