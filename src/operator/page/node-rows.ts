import { amountsOfGroup, amountsOfUnit, standingOf, sumOf } from '../../capacity/amounts.ts';
import type { GroupState, NodeState, UnitState } from '../../capacity/state.ts';
import { cordonNotes, isCordoned } from '../../model/cordon.ts';
import { noteOfFailing } from '../../model/storage-troubles.ts';
import { present } from '../../model/present.ts';
import type { GroupRow, NodeDetail, NodeRow, Sees, UnitRow } from '../../page/wire.ts';
import type { StorageView } from '../follow/views.ts';

/** A node in one line. `state` is undefined where the ledger has nothing of it. */
export function nodeRow(view: StorageView, state: NodeState | undefined): NodeRow {
  const { groups = [], units = [] } = state ?? {};
  const amounts = [...groups.map(amountsOfGroup), ...units.map((unit) => amountsOfUnit(unit, isHeldBack(view, unit)))];
  return { name: view.name, groups: groups.length, units: units.length, ...sumOf(amounts), notes: notesOf(view) };
}

/** A node with all that fills its groups and disks. */
export function nodeDetail(view: StorageView, state: NodeState | undefined, sees: Pick<Sees, 'volumes'>): NodeDetail {
  const { groups = [], units = [] } = state ?? {};
  return {
    ...nodeRow(view, state),
    groupRows: groups.map((group) => groupRow(group, view)),
    unitRows: units.map((unit) => unitRow(unit, view, sees)),
  };
}

function groupRow({ unattributed, settled, floating, ...group }: GroupState, view: StorageView): GroupRow {
  const { name, total, reserved, observed, recorded, taken, free } = group;
  return {
    ...{ name, total, reserved, observed, recorded, taken, free },
    ...{ other: unattributed, held: settled + floating },
    ...present({
      cordoned: view.cordon && isCordoned(view.cordon, name) ? (true as const) : undefined,
      trouble: view.troubles.groups.get(name) ?? view.troubles.disks.get(name),
    }),
  };
}

function unitRow(unit: UnitState, view: StorageView, sees: Pick<Sees, 'volumes'>): UnitRow {
  const { kind, path, size, takenBy } = unit;
  return {
    ...{ kind, path, size, standing: standingOf(unit, isHeldBack(view, unit)) },
    ...present({
      volumes: sees.volumes ? takenBy : undefined,
      trouble: view.troubles.units.get(path) ?? view.troubles.disks.get(path),
    }),
  };
}

const isHeldBack = ({ cordon }: StorageView, { path }: UnitState): boolean =>
  cordon !== undefined && isCordoned(cordon, path);

/** What a person must know of a node before its numbers are believed, in the words of `kubectl open-local top`. */
export function notesOf({
  lost,
  reportedAt,
  silent,
  troubles,
  failing,
  refused = 0,
  cordon,
}: StorageView): readonly string[] {
  if (lost !== undefined) return [`lost: ${lost}`];
  if (reportedAt === undefined) return ['no report yet'];
  const faults = troubles.groups.size + troubles.volumes.size + troubles.units.size;
  return [
    ...(silent ? ['silent'] : []),
    ...(faults > 0 ? ['faulty'] : []),
    ...noteOfFailing(failing?.length),
    ...(refused > 0 ? [`refuses ${refused}`] : []),
    ...cordonNotes(cordon),
  ];
}
