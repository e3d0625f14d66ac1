import { repeat } from '../../daemon/repeat.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { LOCAL_VOLUMES } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import { allSynced, type Informers } from '../follow/informers.ts';

export interface VolumesOfNobodyDeps {
  readonly informers: { readonly [K in 'volumes' | 'pvs' | 'claims']: Pick<Informers[K], 'values'> };
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
  /** Ms that only ever grow. */
  readonly now: () => number;
}

const EVERY_MS = 60_000;
/** Longer than external-provisioner waits between two tries, and than any write of a PersistentVolume takes. */
const ALONE_MS = 600_000;

/** Looks once a minute until aborted, once everything was heard. */
export async function watchVolumesOfNobody(
  deps: Omit<VolumesOfNobodyDeps, 'informers'> & { readonly informers: Informers },
  signal: AbortSignal,
): Promise<void> {
  const { informers, log } = deps;
  if (!(await allSynced(informers, signal))) return;
  const onError = (err: unknown): void => log.error({ err }, 'looking for volumes that are nobody’s failed');
  await repeat(EVERY_MS, createLookForVolumesOfNobody(deps), onError, signal);
}

/**
 * Returns a look for volumes that no PersistentVolume refers to and no claim waits for. external-provisioner forgets
 * what it asked for when it starts anew, so a claim that is deleted at that moment leaves its volume to nobody, and so
 * does a PersistentVolume that was deleted by hand. An Event tells, ten minutes after the first look that found it, and
 * once. Nothing is removed: whether somebody needs the data cannot be seen, since raw devices do not tell whether they
 * were ever used, and a PersistentVolume that was deleted may be written anew.
 */
export function createLookForVolumesOfNobody(deps: VolumesOfNobodyDeps): () => void {
  const { events, log, now } = deps;
  let aloneSince = new Map<string, number>();
  const told = new Set<string>();
  return () => {
    const alone = volumesOfNobody(deps);
    aloneSince = new Map(alone.map(({ metadata: { uid = '' } }) => [uid, aloneSince.get(uid) ?? now()]));
    for (const uid of told) if (!aloneSince.has(uid)) told.delete(uid);
    for (const volume of alone) {
      const { name = '', uid = '' } = volume.metadata;
      if (told.has(uid) || now() - (aloneSince.get(uid) ?? now()) < ALONE_MS) continue;
      told.add(uid);
      events.record({
        subject: subjectOf(LOCAL_VOLUMES, volume.metadata),
        type: 'Warning',
        reason: 'VolumeOfNobody' satisfies EventReason,
        message: messageOf(volume, deps),
      });
      log.warn({ volume: name, node: volume.spec.nodeName }, 'a volume is nobody’s');
    }
  };
}

/** A PersistentVolume of whatever driver owns its volume: the driver's name may have been another one. */
function volumesOfNobody({ informers }: VolumesOfNobodyDeps): readonly LocalVolume[] {
  const { volumes, pvs, claims } = informers;
  const handles = new Set([...pvs.values.values()].map(({ facts }) => facts.handle));
  const suspects = [...volumes.values.values()].filter(
    ({ metadata, spec }) =>
      spec.role === 'Volume' && metadata.deletionTimestamp === undefined && !handles.has(metadata.name ?? ''),
  );
  if (suspects.length === 0) return [];
  const waiting = new Set<string>();
  for (const [key, { uid, volumeName }] of claims.values) if (volumeName === undefined) waiting.add(uid).add(key);
  return suspects.filter((volume) => !waiting.has(volumeFacts(volume).claimUid ?? keyOfClaim(volume) ?? ''));
}

const keyOfClaim = ({ spec: { claim } }: LocalVolume): string | undefined =>
  claim && `${claim.namespace}/${claim.name}`;

function messageOf(volume: LocalVolume, { informers: { claims, pvs } }: VolumesOfNobodyDeps): string {
  const { name = '' } = volume.metadata;
  const key = keyOfClaim(volume);
  const had = claims.values.get(key ?? '');
  const again = `a PersistentVolume with volumeHandle ${name}`;
  if (had?.uid === volumeFacts(volume).claimUid && had?.volumeName !== undefined && !pvs.values.has(had.volumeName))
    return `Claim ${key} has the volume by PersistentVolume ${had.volumeName}, which is gone. Its data is kept: make ${again} anew, as the claim names it.`;
  const madeFor = key === undefined ? '' : ` It was made for claim ${key}.`;
  return `No PersistentVolume refers to the volume, and no claim waits for it.${madeFor} It takes room, and its data is kept. It is somebody's again by ${again}; if nobody needs its data: kubectl delete lvol ${name}`;
}
