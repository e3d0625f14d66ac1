import { pvFacts } from '../../model/decode.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { nodeTraitsOf } from '../../model/node-choice.ts';
import type { Node } from '../../model/objects.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import { hostnameIn } from '../../operator/follow/topology.ts';
import { isOurDriver, nameOf, nodesWithStorage, some, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';

/** By its hostname label a PersistentVolume names its node: it must be one node's, and stay that node's. */
export function checkHostnames(facts: Facts): readonly Finding[] {
  const { nodes = [], volumes = [], pvs = [] } = facts;
  const local = new Map(volumes.map((volume) => [nameOf(volume), volume]));
  const named = pvs.map(pvFacts).flatMap(({ name, driver, handle, node }) => {
    const volume = isOurDriver(driver, facts) ? local.get(handle) : undefined;
    return volume && node !== undefined ? [{ name, hostname: node, volume }] : [];
  });
  return [...shared(nodes, nodesWithStorage(facts)), ...nodes.flatMap((node) => renamed(node, named))];
}

function shared(nodes: readonly Node[], withStorage: ReadonlySet<string>): Finding[] {
  return [...Map.groupBy(nodes, hostnameOf)]
    .filter(([, those]) => those.length > 1 && those.some((node) => withStorage.has(nameOf(node))))
    .map(([hostname, those]) =>
      found(
        'HostnameShared',
        `Node/${nameOf(those[0]!)}`,
        `${those.length} nodes have ${TOPOLOGY_KEY}=${hostname}: ${some(those.map(nameOf))}.`,
        'give each of these machines a hostname of its own, and start its kubelet anew',
      ),
    );
}

interface NamedVolume {
  /** Of the PersistentVolume. */
  readonly name: string;
  readonly hostname: string;
  readonly volume: LocalVolume;
}

function renamed(node: Node, volumes: readonly NamedVolume[]): Finding[] {
  const hostname = hostnameOf(node);
  const strange = volumes.filter((one) => one.volume.spec.nodeName === nameOf(node) && one.hostname !== hostname);
  return [...Map.groupBy(strange, (one) => one.hostname)].map(([before, those]) =>
    found(
      'HostnameChanged',
      `Node/${nameOf(node)}`,
      `It has ${TOPOLOGY_KEY}=${hostname}, and ${those.length} PersistentVolumes on it name ${before}: ${some(those.map(({ name }) => name))}.`,
      `kubectl label node ${nameOf(node)} ${TOPOLOGY_KEY}=${before} --overwrite`,
      'and give the machine that hostname again: its kubelet sets the label when it starts',
    ),
  );
}

const hostnameOf = (node: Node): string => hostnameIn(nodeTraitsOf(node));
