import { ACTIONS, type Action } from './actions.ts';
import { agree, settleDown } from './agree.ts';
import { auditFindsNothing } from './audit-finds-nothing.ts';
import { Random } from './random.ts';
import { World, type LedgerClass } from './world.ts';

/** One history: a seed for the cluster, and one for each step. Leaving steps out gives another history. */
export interface History {
  readonly seed: number;
  readonly steps: readonly number[];
  /** How many nodes the cluster has; one to three unless given. */
  readonly nodes?: number;
}

export interface Failure {
  readonly message: string;
  /** Events up to the failure. */
  readonly story: readonly string[];
  /** State of the model at the failure. */
  readonly known: string;
}

/** How often each kind of event really happened. */
export type Counts = Map<string, number>;

const LEAST_STEPS = 10;
const MORE_STEPS = 90;
/** Attempts to find an event that can happen now. */
const TRIES = 4;
/** Events between two audits: an audit tells a second ledger everything, and costs as much as all else together. */
const AUDIT_EVERY = 8;

/** Makes the history of a seed. */
export function historyOf(seed: number): History {
  const random = new Random(seed);
  return { seed, steps: Array.from({ length: LEAST_STEPS + random.below(MORE_STEPS) }, () => random.next()) };
}

/** Plays a history, judging after every step; undefined when the ledger and the model agree to the end. */
export function live(history: History, Ledger: LedgerClass, counts?: Counts): Failure | undefined {
  const story: string[] = [];
  const world = new World(new Random(history.seed), Ledger, history.nodes);
  try {
    const actions = ACTIONS.filter(({ rough }) => world.rough || !rough);
    for (const [at, step] of history.steps.entries()) {
      const name = happen(world, actions, new Random(step), story);
      if (at % AUDIT_EVERY === 0) auditFindsNothing(world);
      if (name !== undefined) counts?.set(name, (counts.get(name) ?? 0) + 1);
    }
    story.push('everything comes to rest');
    settleDown(world);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { message, story, known: describe(world) };
  }
}

/** Plays one event that can happen now, and returns its name; undefined when none was found. */
function happen(world: World, actions: readonly Action[], random: Random, story: string[]): string | undefined {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { name, act } = draw(actions, random);
    story.push(name);
    const happened = world.step(random, act);
    agree(world);
    if (happened) return name;
    story.pop();
  }
  return undefined;
}

function describe({ model, policy }: World): string {
  const { node, claim, pod, volume, pv, snapshot } = model.known;
  const objects = [node, claim, pod, volume, pv, snapshot].flatMap((store) => [...store.values()]);
  const holds = [...model.holds].map(([pod, { nodes, items }]) => ({ pod, nodes: [...nodes], items }));
  const promises = [{ policy }, ...objects, ...holds, { chosen: [...model.chosen] }, { placed: [...model.placed] }];
  return promises.map((object) => JSON.stringify(object)).join('\n');
}

/** Shrinks a failing history to one in which every step is needed. */
export function shrink(history: History, Ledger: LedgerClass): History {
  let steps = [...history.steps];
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length;) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (live({ ...history, steps: fewer }, Ledger)) steps = fewer;
      else at += size;
    }
  }
  return { ...history, steps };
}

function draw(actions: readonly Action[], random: Random): Action {
  const total = actions.reduce((all, { weight }) => all + weight, 0);
  let left = random.below(total);
  for (const action of actions) {
    left -= action.weight;
    if (left < 0) return action;
  }
  throw new Error('weights do not add up');
}
