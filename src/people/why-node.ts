import { formatShort, bytes } from '../model/bytes.ts';
import { nodeTraitsOf } from '../model/node-choice.ts';
import type { Node } from '../model/objects.ts';
import { complaintsOf, disksOf } from './disks.ts';
import type { Room } from './room.ts';
import type { Screen } from './screen/screen.ts';
import { table, wrap, type Cell, type Column } from './screen/table.ts';
import { tellDisks } from './tell-disks.ts';
import { tellPlaces } from './tell-top.ts';
import type { NodeStory } from './tell-why.ts';
import { notesOf, topOf } from './top.ts';
import { judgeOf } from './why.ts';

/** All that decides whether volumes go to a node. `node` is undefined where there is no such Node any more. */
export function whyOfNode(room: Room, name: string, node: Node | undefined): NodeStory {
  const storages = room.storages.filter(({ metadata }) => metadata.name === name);
  const judge = judgeOf(room);
  const waiting = room.pods
    .filter(({ spec }) => !spec?.nodeName)
    .map(judge.factsOf)
    .filter((pod) => judge.concerns(pod));
  return {
    notes: notesOf(storages[0], room.now),
    keptOff: node ? keptOff(node) : ['there is no Node of its name'],
    places: topOf(room).places.filter((place) => place.node === name),
    disks: disksOf(storages),
    complaints: complaintsOf(storages),
    pods: waiting.flatMap((pod) => {
      const here = judge.onNode(pod, name);
      return here ? [{ pod: `${pod.namespace}/${pod.name}`, ...here }] : [];
    }),
  };
}

function keptOff(node: Node): readonly string[] {
  const { cordoned, taints = [] } = nodeTraitsOf(node);
  return [
    ...(cordoned ? ['it is cordoned: kubectl uncordon lets pods come again'] : []),
    ...taints.map(({ key, effect }) => `it has taint ${key}:${effect}, which pods must tolerate`),
  ];
}

const PODS: readonly Column[] = [
  { title: 'POD THAT WAITS', least: 16 },
  { title: 'LACKS', right: true },
  { title: 'WHY NOT HERE', least: 20 },
];

export function tellNode(name: string, story: NodeStory, screen: Screen): readonly string[] {
  const { notes, keptOff: kept, places, disks, complaints, pods } = story;
  const known = [...(notes.length > 0 ? [`its report says: ${notes.join(', ')}`] : []), ...kept];
  const rows = pods.map(({ pod, fits, obstacle, lacks }): Cell[] => [
    pod,
    lacks === undefined || lacks === 0 ? '' : formatShort(bytes(lacks)),
    fits ? { text: 'has room', as: 'green' } : obstacle,
  ]);
  return [
    ...wrap(
      known.length === 0 ? `Nothing is wrong with node ${name}.` : `Node ${name}: ${known.join('; ')}.`,
      screen.width,
    ),
    '',
    ...tellPlaces(places, screen),
    '',
    ...tellDisks(disks, complaints, screen),
    ...(rows.length === 0 ? [] : ['', ...table(PODS, rows, screen)]),
  ];
}
