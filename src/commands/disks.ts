import { lookCommand } from './look.ts';
import { Fault } from '../model/fault.ts';
import type { NodeLocalStorage } from '../model/objects.ts';
import { complaintsOf, disksOf } from '../people/disks.ts';
import { readRoom } from '../people/room.ts';
import { asJson, asText, caveats, screenFor } from '../people/tell.ts';
import { tellDisks } from '../people/tell-disks.ts';
import { isNot } from '../people/words/command-text.ts';

const TEXT = {
  doc: 'Every disk of every node: what it is, what uses it, and why it is not used.',
  args: [{ name: 'NODE', names: 'node', optional: true }] as const,
  about: 'From what the agents report. Below the table stands in full what a node was asked for and does not do.',
  flags: {},
};

/** `kubectl open-local disks`. */
export const disksCommand = lookCommand('disks', TEXT, async ({ words, output, screen, ...reading }) => {
  const room = await readRoom(reading);
  const storages = ofNode(room.storages, words[0]);
  const [disks, complaints] = [disksOf(storages), complaintsOf(storages)];
  if (output === 'json') return asJson({ disks, complaints }, room);
  return asText([...tellDisks(disks, complaints, screenFor(output, screen)), ...caveats(room, screen)]);
});

/** Those of one node, or all. Throws Fault that names the nodes there are. */
function ofNode(storages: readonly NodeLocalStorage[], node: string | undefined): readonly NodeLocalStorage[] {
  const found = storages.filter(({ metadata }) => node === undefined || metadata.name === node);
  if (node === undefined || found.length > 0) return found;
  const names = storages.map(({ metadata }) => metadata.name ?? '');
  throw new Fault('invalid', isNot(node, 'a node with a NodeLocalStorage', names));
}
