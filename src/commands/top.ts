import { lookCommand, WATCH } from './look.ts';
import { readRoom } from '../people/room.ts';
import { asJson, asText, caveats, screenFor } from '../people/tell.ts';
import { tellTop, TOPS, type TopWhat } from '../people/tell-top.ts';
import { topOf } from '../people/top.ts';

const TEXT = {
  doc: 'How much there is, what is used, held, reserved and free: of nodes, groups or volumes.',
  args: [{ name: 'WHAT', words: TOPS, optional: true }],
  about: `Read from the objects alone, and counted as the operator counts. HELD is kept for claims whose node is chosen and whose
volume is not made yet; what the operator keeps for a pod in the moment of its scheduling is in no object. In a bar # is
used, + held or reserved, - free.`,
  flags: WATCH,
};

/** `kubectl open-local top`. */
export const topCommand = lookCommand('top', TEXT, async ({ words, output, screen, ...reading }) => {
  const [what = 'nodes'] = words as readonly TopWhat[];
  const room = await readRoom(reading);
  const top = topOf(room);
  const json = { nodes: { nodes: top.nodes }, groups: { groups: top.places }, volumes: { volumes: top.volumes } };
  if (output === 'json') return asJson({ ...json[what], total: top.total }, room);
  const lines = tellTop(what, top, screenFor(output, screen));
  return asText([...lines, ...caveats(room, screen)]);
});
