import type { HostFacts } from '../../host/host.ts';
import type { HostReport } from '../../model/objects.ts';
import { present } from '../../model/present.ts';
import { compareText } from './conditions.ts';
import type { Observation } from './observe.ts';

/** An object of a node with hundreds of disks stays small; the first are enough to know what to do. */
const MAX_DISKS = 20;

/** What else of the machine is told, in an order that stays; of a simulated machine only the agent's version. */
export function hostReport(agentVersion: string, facts: HostFacts | undefined, seen: Observation): HostReport {
  if (!facts) return { agentVersion };
  const { kernel, lvmVersion, loadable, missing, cgroup, kubeletFolder, lvmetad } = facts;
  return {
    ...{ agentVersion, kernel, lvmetad },
    ...present({ lvmVersion, kubeletFolder, ...(cgroup && { cgroup: { ...cgroup } }) }),
    modules: { loadable: [...loadable], missing: [...missing] },
    hiddenDisks: hiddenDisks(facts, seen).slice(0, MAX_DISKS),
    multipathDisks: multipathDisks(seen).slice(0, MAX_DISKS),
  };
}

function hiddenDisks({ hides }: HostFacts, { groups, devices }: Observation): { device: string; by: string }[] {
  return groups
    .flatMap((group) => group.devices)
    .filter(({ missing }) => !missing)
    .flatMap(({ device, uuid }) => {
      const links = devices.find(({ path }) => path === device)?.links ?? [];
      const by = hides([device, ...links], uuid);
      return by === undefined ? [] : [{ device, by }];
    })
    .toSorted((a, b) => compareText(a.device, b.device));
}

function multipathDisks({ devices }: Observation): string[] {
  const maps = new Set(devices.flatMap(({ name, mapperUuid }) => (mapperUuid?.startsWith('mpath-') ? [name] : [])));
  return devices
    .filter(({ holders }) => holders.some((holder) => maps.has(holder)))
    .map(({ path }) => path)
    .toSorted(compareText);
}
