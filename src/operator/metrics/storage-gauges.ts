import type { GroupState, NodeState, UnitState } from '../../capacity/state.ts';
import type { Metrics } from '../../daemon/metrics.ts';
import type { UnitFacts } from '../../model/facts.ts';
import { gaugeOf, type Refresh } from './gauges.ts';

/** What is told of a group beside its total and what is held, which have series of their own. */
const PARTS = ['reserved', 'observed', 'recorded', 'unattributed', 'free'] as const;

/** Volume groups, disks and mount points, with the names and labels of open-local's dashboard. */
export function storageGauges(registry: Metrics): Refresh {
  const gauge = gaugeOf(registry);
  const total = gauge('local_volume_group_total', 'Bytes of a volume group that volumes can have.', [
    'nodename',
    'vgname',
  ]);
  const used = gauge('local_volume_group_used', 'Bytes of a volume group that are taken or promised.', [
    'nodename',
    'vgname',
  ]);
  const held = gauge('open_local_volume_group_held_bytes', 'Bytes held for pods, as a part of what is used.', [
    'nodename',
    'vgname',
    'state',
  ]);
  const parts = gauge(
    'open_local_volume_group_bytes',
    'Bytes of a volume group as the ledger has them: docs/ledger.md.',
    ['nodename', 'vgname', 'of'],
  );
  const units = { MountPoint: unitGauges(registry, 'mount_point'), Device: unitGauges(registry, 'device') };
  const group = (node: string, { name, ...state }: GroupState): void => {
    total.set([node, name], state.total - state.reserved);
    used.set([node, name], Math.max(0, state.total - state.reserved - state.free));
    held.set([node, name, 'settled'], state.settled);
    held.set([node, name, 'floating'], state.floating);
    for (const part of PARTS) parts.set([node, name, part], state[part]);
  };
  const node = ({ name, groups, units: found }: NodeState, reported: readonly UnitFacts[]): void => {
    for (const each of groups) group(name, each);
    for (const each of found) {
      const media = reported.find(({ path }) => path === each.path)?.mediaType ?? '';
      units[each.kind].set(name, each, media);
    }
  };
  return function* (sources) {
    for (const each of [total, used, held, parts, units.MountPoint, units.Device]) each.clear();
    if (!sources) return;
    const { ledger, informers } = sources;
    for (const name of ledger.audit().nodeNames()) {
      const state = ledger.node(name);
      if (state) node(state, informers.storages.get(name)?.storage.units ?? []);
      yield;
    }
  };
}

function unitGauges(registry: Metrics, kind: 'mount_point' | 'device') {
  const gauge = gaugeOf(registry);
  const labels = ['nodename', 'name', 'type'];
  const total = gauge(`local_${kind}_total`, `Bytes of a ${kind}.`, labels);
  const available = gauge(`local_${kind}_available`, `Bytes of a ${kind} that a claim can have.`, labels);
  const bind = gauge(`local_${kind}_bind`, `1 for a ${kind} that a claim has.`, ['nodename', 'name']);
  return {
    clear: (): void => {
      for (const each of [total, available, bind]) each.clear();
    },
    set: (node: string, { path, size, usable, takenBy, held }: UnitState, media: string): void => {
      const isFree = usable && takenBy.length === 0 && held === 0;
      total.set([node, path, media], size);
      available.set([node, path, media], isFree ? size : 0);
      bind.set([node, path], takenBy.length > 0 ? 1 : 0);
    },
  };
}
