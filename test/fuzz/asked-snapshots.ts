import { present } from '../../src/model/present.ts';
import type { VolumeFacts } from '../../src/model/facts.ts';
import { EXPECTED_TTL_MS, guard, heldOn } from './asked.ts';
import { toBytes } from './model.ts';
import { demand } from './violation.ts';
import type { World } from './world.ts';

/**
 * Asks for the room of a snapshot's store as CreateSnapshot does, in the group of its origin: the store; undefined when
 * it was refused.
 */
export function askStore(
  world: World,
  origin: Pick<VolumeFacts, 'node' | 'where'>,
  name: string,
  size: number,
): VolumeFacts | undefined {
  const { ledger, model } = world;
  const { node, where } = origin;
  const policy = { kind: 'LVM', vgName: where, layout: 'linear', limits: {} } as const;
  const earlier = model.uses().find((use) => use.name === name);
  const ask = { name, size: toBytes(size), policy, nodes: [node] };
  const answer = guard(world, 'place a store', () => ledger.place(ask, world.now));
  if (!answer.ok) {
    const why = answer.refusal.message;
    demand(!earlier, () => `place: the store ${name} is there and was refused: ${why}`);
    const idle = model.known.node.has(node) && heldOn(world, node) === 0;
    const fits = model.fits(node, [{ key: name, policy, size }]);
    demand(!idle || !fits, () => `place: the store ${name} was refused though ${where} on ${node} has room: ${why}`);
    return undefined;
  }
  const { placement } = answer;
  const isThere = placement.node === node && placement.kind === 'LVM' && placement.vgName === where;
  demand(isThere, () => `place: the store ${name} is not beside its origin, in ${where} on ${node}`);
  demand(placement.size >= size, () => `place: ${placement.size} bytes for the store ${name} of ${size}`);
  const store = { name, node, kind: 'LVM', where, size: placement.size } as const;
  const over = model.known.volume.get(name)?.uid ?? model.placed.get(name)?.over;
  model.placed.set(name, { ...store, expiresAt: world.now + EXPECTED_TTL_MS, ...present({ over }) });
  model.reviewRefusals();
  return store;
}
