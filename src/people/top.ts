import { amountsOfGroup, amountsOfUnit, sumOf, type Amounts } from '../capacity/amounts.ts';
import type { NodeState } from '../capacity/state.ts';
import { silenceOf } from '../doctor/checks/agents.ts';
import { inWords } from '../model/in-words.ts';
import { cordonNotes, cordonOf, isCordoned } from '../model/cordon.ts';
import { failingNotes } from '../model/storage-troubles.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { present } from '../model/present.ts';
import { LOST } from '../model/well-known.ts';
import { ledgerOf } from '../operator/follow/ledger-of.ts';
import type { Room } from './room.ts';

/** A group, or a disk or mount point that a claim has for itself. */
export interface TopPlace extends Amounts {
  readonly node: string;
  readonly kind: 'LVM' | 'Device' | 'MountPoint';
  readonly name: string;
}

export interface TopNode extends Amounts {
  readonly name: string;
  readonly groups: number;
  readonly units: number;
  /** What is to be known about it before its numbers are believed: clauses. */
  readonly notes: readonly string[];
}

export interface TopVolume {
  readonly name: string;
  readonly node: string;
  readonly place: string;
  readonly role: string;
  readonly claim?: string;
  /** What it takes, bytes. */
  readonly size: number;
  /** Of the group that it is in, bytes. */
  readonly groupSize?: number;
  /** Of a snapshot's store, bytes. */
  readonly storeUsed?: number;
}

export interface Top {
  readonly nodes: readonly TopNode[];
  readonly places: readonly TopPlace[];
  /** The largest first. */
  readonly volumes: readonly TopVolume[];
  readonly total: Amounts;
}

/** What there is and what is left of it, by the ledger that the operator decides with. */
export function topOf(room: Room): Top {
  const states = ledgerOf(room).snapshot().toSorted(byName);
  const reports = new Map(room.storages.map((nls) => [nls.metadata.name ?? '', nls]));
  const places = states.flatMap((state) => placesOf(state, reports.get(state.name)));
  const nodes = states.map((state) => nodeOf(state, places, notesOf(reports.get(state.name), room.now)));
  return { nodes, places, volumes: volumesOf(room.volumes, places), total: sumOf(places) };
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name.localeCompare(b.name, 'en', { numeric: true });

function placesOf({ name, groups, units }: NodeState, nls: NodeLocalStorage | undefined): TopPlace[] {
  const cordon = nls ? cordonOf(nls) : new Set<string>();
  return [
    ...groups.toSorted(byName).map((group) => placeOf(name, 'LVM', group.name, amountsOfGroup(group))),
    ...units
      .map((unit) => placeOf(name, unit.kind, unit.path, amountsOfUnit(unit, isCordoned(cordon, unit.path))))
      .toSorted(byName),
  ];
}

const placeOf = (node: string, kind: TopPlace['kind'], name: string, amounts: Amounts): TopPlace => ({
  ...{ node, kind, name, ...amounts },
});

function nodeOf({ name, groups, units }: NodeState, places: readonly TopPlace[], notes: readonly string[]): TopNode {
  const own = places.filter(({ node }) => node === name);
  return { name, groups: groups.length, units: units.length, ...sumOf(own), notes };
}

/** What a person must know of a node before its numbers are believed. */
export function notesOf(nls: NodeLocalStorage | undefined, now: number): readonly string[] {
  if (!nls) return ['no report'];
  const lost = nls.metadata.annotations?.[LOST];
  if (lost !== undefined) return [`lost: ${lost}`];
  const { nodeStorageInfo, summary } = nls.status ?? {};
  if (!nodeStorageInfo) return ['no report yet'];
  const silence = silenceOf(nls, now);
  const refused = summary?.refused ?? 0;
  return [
    ...(silence === undefined ? [] : [`silent for ${inWords(silence)}`]),
    ...(nodeStorageInfo.state?.type === 'DiskFault' ? ['faulty'] : []),
    ...failingNotes(nls),
    ...(refused > 0 ? [`refuses ${refused}`] : []),
    ...cordonNotes(cordonOf(nls)),
  ];
}

function volumesOf(volumes: readonly LocalVolume[], places: readonly TopPlace[]): readonly TopVolume[] {
  const sizes = new Map(places.map(({ node, name, capacity }) => [`${node} ${name}`, capacity]));
  return volumes
    .map(({ metadata, spec, status }): TopVolume => {
      const place = (spec.kind === 'LVM' ? spec.vgName : spec.path) ?? '';
      return {
        ...{ name: metadata.name ?? '', node: spec.nodeName, place, role: spec.role },
        size: spec.readOnly ? 0 : Math.max(spec.sizeBytes, status?.sizeBytes ?? 0),
        ...present({
          claim: spec.claim && `${spec.claim.namespace}/${spec.claim.name}`,
          groupSize: spec.kind === 'LVM' ? sizes.get(`${spec.nodeName} ${place}`) : undefined,
          storeUsed: spec.role === 'Snapshot' ? status?.snapshot?.usedBytes : undefined,
        }),
      };
    })
    .toSorted((a, b) => b.size - a.size || byName(a, b));
}
