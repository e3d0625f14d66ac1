import { describeReason } from './volume-words.ts';
import { volumeFacts } from '../../model/decode.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { PersistentVolume } from '../../model/objects.ts';
import { KEEP, LET_GO, LOST } from '../../model/well-known.ts';
import { inWords } from '../../model/in-words.ts';
import { isOurDriver, nameOf, placeOf, since, some, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { agentLog } from '../model/mend.ts';

/** Longer than any call takes that makes or removes a volume. */
const LONG_MS = 600_000;

/** Volumes that failed, that nobody owns, that do not go, or that are nowhere. */
export function checkVolumes(facts: Facts): readonly Finding[] {
  const { volumes, nodes } = facts;
  if (!volumes || !nodes) return [];
  const there = new Set(nodes.map(nameOf));
  const isAway = ({ spec }: LocalVolume): boolean => !there.has(spec.nodeName);
  const isOwned = ownersOf(facts);
  const here = volumes.filter((volume) => !isAway(volume));
  return [
    ...onGoneNodes(volumes.filter(isAway), facts),
    ...here.flatMap((volume) => [
      ...stuck(volume, facts),
      ...broken(volume, facts),
      ...withoutOwner(volume, isOwned, facts),
    ]),
    ...missing(facts),
  ];
}

const objectOf = (volume: LocalVolume): string => `LocalVolume/${nameOf(volume)}`;
const describe = (volume: LocalVolume): string => `kubectl describe lvol ${nameOf(volume)}`;

function onGoneNodes(volumes: readonly LocalVolume[], { storages = [] }: Facts): Finding[] {
  const lost = new Set(storages.filter(({ metadata }) => metadata.annotations?.[LOST] !== undefined).map(nameOf));
  const nodes = [...new Set(volumes.map(({ spec }) => spec.nodeName))].filter((node) => !lost.has(node));
  return nodes.toSorted().map((node) => {
    const there = volumes.filter(({ spec }) => spec.nodeName === node).map(nameOf);
    return found(
      'VolumeOnGoneNode',
      `Node/${node}`,
      `There is no such node, and ${there.length} volumes are recorded there: ${some(there)}.`,
      'bring the node back under its name: its volumes are as they were',
      `kubectl annotate nls ${node} ${LOST}="why"   (only if it will never come back: its volumes are let go of then)`,
    );
  });
}

function stuck(volume: LocalVolume, facts: Facts): Finding[] {
  const { metadata, spec, status } = volume;
  const age = since(metadata.deletionTimestamp, facts.now);
  if (age === undefined || age < LONG_MS) return [];
  const kept = metadata.annotations?.[KEEP];
  const { reason, message } = status ?? {};
  const because =
    kept !== undefined
      ? `its data is kept: ${kept}`
      : reason === undefined
        ? 'its agent has not removed it'
        : `${reason}: ${message ?? ''}`;
  const what = `It was deleted ${inWords(age)} ago and is still on node ${spec.nodeName}: ${because}.`;
  return [found('VolumeStuckInDeletion', objectOf(volume), what, describe(volume), agentLog(facts, spec.nodeName))];
}

function broken(volume: LocalVolume, facts: Facts): Finding[] {
  const { metadata, spec, status } = volume;
  if (metadata.deletionTimestamp !== undefined || status?.phase !== 'Failed') return [];
  const what = `On node ${spec.nodeName}: ${status.reason ?? 'Failed'}: ${status.message ?? ''}`;
  return [
    found(
      'VolumeBroken',
      objectOf(volume),
      what,
      describeReason(status.reason),
      describe(volume),
      agentLog(facts, spec.nodeName),
    ),
  ];
}

function withoutOwner(volume: LocalVolume, isOwned: Owners, facts: Facts): Finding[] {
  const age = since(volume.metadata.creationTimestamp, facts.now) ?? 0;
  if (age < LONG_MS || volume.metadata.deletionTimestamp !== undefined || isOwned(volume)) return [];
  const { namespace = '', name = '' } = volume.spec.claim ?? {};
  const whose = name === '' ? '' : ` It was made for claim ${namespace}/${name}.`;
  const what = `It is ${inWords(age)} old, and no PersistentVolume is of it.${whose}`;
  const mend = `kubectl get lvol ${nameOf(volume)} -o yaml   (its data stays; a PersistentVolume with volumeHandle ${nameOf(volume)} makes it somebody's again)`;
  return [found('VolumeWithoutOwner', objectOf(volume), what, mend)];
}

type Owners = (volume: LocalVolume) => boolean;

/** Snapshots and inline volumes belong to others; a claim that waits finds its volume again. */
function ownersOf({ pvs, claims }: Facts): Owners {
  if (!pvs || !claims) return () => true;
  // Of whatever driver: ours may have had another name.
  const handles = new Set(pvs.map(({ spec }) => spec?.csi?.volumeHandle));
  const open = claims.filter(({ spec }) => spec?.volumeName === undefined);
  const waiting = new Set([...open.map(placeOf), ...open.map(({ metadata: { uid } }) => uid)]);
  return (volume) => volume.spec.role !== 'Volume' || handles.has(volume.metadata.name) || waiting.has(claimOf(volume));
}

/** By uid where it is known: one that was made anew under the name does not wait for the volume of the one before. */
const claimOf = (volume: LocalVolume): string =>
  volumeFacts(volume).claimUid ?? `${volume.spec.claim?.namespace ?? ''}/${volume.spec.claim?.name ?? ''}`;

const isOurs = ({ spec }: PersistentVolume, facts: Facts): boolean => isOurDriver(spec?.csi?.driver, facts);

/** One of the existing open-local has no LocalVolume, but its logical volume is in a report. */
function missing(facts: Facts): Finding[] {
  const { pvs = [], volumes = [], storages = [] } = facts;
  const recorded = new Set(volumes.map(nameOf));
  const reported = new Set(
    storages.flatMap(({ status }) =>
      (status?.nodeStorageInfo?.volumeGroups ?? []).flatMap(({ logicalVolumes = [] }) =>
        logicalVolumes.map(({ name }) => name),
      ),
    ),
  );
  return pvs
    .filter((pv) => isOurs(pv, facts) && pv.metadata.annotations?.[LET_GO] === undefined)
    .filter(({ spec, status }) => status?.phase === 'Bound' && !isUnit(spec?.csi?.volumeAttributes))
    .filter(({ spec }) => !recorded.has(spec?.csi?.volumeHandle ?? '') && !reported.has(spec?.csi?.volumeHandle ?? ''))
    .map((pv) => {
      const what = `Its volume ${pv.spec?.csi?.volumeHandle ?? ''} is recorded by no LocalVolume and reported by no node.`;
      return found(
        'VolumeMissing',
        `PersistentVolume/${nameOf(pv)}`,
        what,
        `kubectl get pv ${nameOf(pv)} -o yaml   (its node affinity says where it was)`,
        'on that node: lvs -a -o +tags',
      );
    });
}

const isUnit = (attributes: Readonly<Record<string, string>> = {}): boolean =>
  ['Device', 'MountPoint'].includes(attributes['volumeType'] ?? '');
