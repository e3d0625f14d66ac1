import type { NodeState } from '../../src/capacity/state.ts';
import { askExpire } from './asked.ts';
import { GIB } from '../../src/model/bytes.ts';
import type { UnitFacts } from '../../src/model/facts.ts';
import { inExtents, sum, type Item, type Use } from './model.ts';
import { auditFindsNothing } from './audit-finds-nothing.ts';
import { demand } from './violation.ts';
import type { World } from './world.ts';

/** One node under comparison, with the uses of all volumes computed once. */
interface Look {
  readonly world: World;
  readonly uses: readonly Use[];
  readonly node: string;
  readonly state: NodeState | undefined;
}

/** Compares every number of the ledger with what the model computes anew. */
export function agree(world: World): void {
  const { known } = world.model;
  const uses = world.model.uses();
  const states = new Map(world.ledger.snapshot().map((state) => [state.name, state]));
  for (const node of new Set([...states.keys(), ...known.node.keys(), ...uses.map((use) => use.node)])) {
    const look = { world, uses, node, state: states.get(node) };
    const facts = known.node.get(node);
    const groups = [facts?.groups ?? [], look.state?.groups ?? []].flat().map(({ name }) => name);
    const used = uses.filter((use) => use.node === node && use.kind === 'LVM').map(({ where }) => where);
    for (const group of new Set([...groups, ...used])) agreeOnGroup(look, group);
    for (const unit of facts?.units ?? []) agreeOnUnit(look, unit);
    if (facts) agreeOnHeld(look);
  }
}

function agreeOnGroup({ world: { model }, uses, node, state: nodeState }: Look, name: string): void {
  const state = nodeState?.groups.find((group) => group.name === name);
  const facts = model.group(node, name);
  const say = (what: string, ours: number | undefined, theirs: number): string =>
    `${name} on ${node}: the ledger says ${what} ${ours}, the model ${theirs}`;
  const taken = model.taken(node, name, uses);
  if (!state) {
    demand(taken === 0 && facts === undefined, () => say('nothing', undefined, taken));
    return;
  }
  demand(state.taken === taken, () => say('taken', state.taken, taken));
  demand(state.total === (facts?.total ?? 0), () => say('total', state.total, facts?.total ?? 0));
  demand(state.reserved === (facts?.reserved ?? 0), () => say('reserved', state.reserved, facts?.reserved ?? 0));
  const unattributed = model.unattributed(node, name);
  demand(state.unattributed === unattributed, () => say('unattributed', state.unattributed, unattributed));
  const free = model.room(node, name, uses) - state.settled - state.floating;
  demand(state.free === free, () => say('free', state.free, free));
  demand(state.settled >= 0 && state.floating >= 0, () => `${name} on ${node}: less than nothing is held`);
}

function agreeOnUnit({ world, uses, node, state }: Look, unit: Pick<UnitFacts, 'kind' | 'path'>): void {
  const mine = state?.units.find(({ kind, path }) => kind === unit.kind && path === unit.path);
  const owners = world.model.ownersOf(node, unit, uses);
  const say = (): string =>
    `${unit.path} on ${node}: the ledger says ${mine?.takenBy.join()}, the model ${owners.join()}`;
  demand(mine !== undefined, say);
  demand([...mine.takenBy].toSorted().join() === owners.toSorted().join(), say);
  demand(mine.held <= 1 && mine.held >= 0, () => `${unit.path} on ${node} is held ${mine.held} times`);
}

/** Checks that the ledger holds no less than was promised, and no more than may come. */
function agreeOnHeld({ world, state, node }: Look): void {
  const { model } = world;
  const facts = world.nodes.get(node);
  const bytesOf = (items: ReturnType<typeof model.outstanding>): number =>
    sum(items.filter(({ policy }) => policy.kind === 'LVM').map(({ size }) => inExtents(size, facts)));
  const unitsOf = (items: ReturnType<typeof model.outstanding>): number =>
    items.filter(({ policy }) => policy.kind !== 'LVM').length;
  const heldBytes = sum((state?.groups ?? []).map(({ settled, floating }) => settled + floating));
  const heldUnits = sum((state?.units ?? []).map(({ held }) => held));

  const most = model.conceivable(node);
  demand(heldBytes <= bytesOf(most), () => `${node}: ${heldBytes} bytes are held, and only ${bytesOf(most)} may come`);
  demand(heldUnits <= unitsOf(most), () => `${node}: ${heldUnits} units are held, and only ${unitsOf(most)} may come`);
  if (world.disturbed.has(node)) return;
  const least = model.outstanding(node);
  demand(model.fits(node, least), () => `promised twice on ${node}: ${sayItems(least)} in ${sayRoom(world, node)}`);
  demand(heldBytes >= bytesOf(least), () => `${node}: ${heldBytes} bytes are held of ${bytesOf(least)} promised`);
  demand(heldUnits >= unitsOf(least), () => `${node}: ${heldUnits} units are held of ${unitsOf(least)} promised`);
}

const sayItems = (items: readonly Item[]): string =>
  items.map(({ key, policy, size }) => `${key} (${policy.vgName ?? policy.kind}, ${size / GIB} GiB)`).join(', ');

function sayRoom(world: World, node: string): string {
  const groups = world.model.known.node.get(node)?.groups ?? [];
  return groups.map(({ name }) => `${name} (${world.model.room(node, name) / GIB} GiB)`).join(', ');
}

/**
 * Ends all work, delivers all events, lets all nodes report: then nothing is held, and a ledger built afresh agrees.
 */
export function settleDown(world: World): void {
  world.deliverAll();
  agree(world);
  auditFindsNothing(world);
  for (const [key, pod] of world.api.pod) if (pod.nodeName === undefined) world.set('pod', key, undefined);
  for (const [key, { selectedNode: _, ...claim }] of world.api.claim) if (!claim.bound) world.set('claim', key, claim);
  for (const name of world.nodes.keys()) world.report(name);
  world.deliverAll();
  for (let day = 0; day < 2; day += 1) {
    world.now += 24 * 3_600_000;
    askExpire(world);
  }
  agree(world);
  auditFindsNothing(world);

  const holds = world.ledger.holds();
  demand(holds.floating + holds.settled + holds.claims === 0, () => `at rest ${JSON.stringify(holds)} is held`);
  for (const state of world.ledger.snapshot()) {
    for (const group of state.groups)
      demand(group.settled + group.floating === 0, () => `at rest room is held in ${group.name} on ${state.name}`);
    for (const unit of state.units) demand(unit.held === 0, () => `at rest ${unit.path} on ${state.name} is held`);
  }
  const ours = picture(world.ledger.snapshot());
  const fresh = picture(world.fresh().snapshot());
  demand(ours === fresh, () => `a ledger built afresh differs:\n${fresh}\nours:\n${ours}`);
}

/** Prints a ledger as text, without the order in which it learned things and without groups that nothing uses. */
function picture(states: readonly NodeState[]): string {
  const lines = states.flatMap(({ name, present, groups, units }) => [
    ...(present ? [name] : []),
    ...groups.filter(({ total, taken }) => total + taken > 0).map((group) => `${name} ${JSON.stringify(group)}`),
    ...units
      .filter(({ size, takenBy }) => size + takenBy.length > 0)
      .map((unit) => `${name} ${JSON.stringify({ ...unit, takenBy: unit.takenBy.toSorted() })}`),
  ]);
  return lines.toSorted().join('\n');
}
