import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as csi from '../../src/csi/gen/csi.ts';
import { nameOf, type KillPoint } from './effects.ts';
import type { Watcher } from './programs.ts';
import { storyOf, storyOfCopies, storyOfGroups, untilOk, type Step } from './story.ts';
import { storyOfPod } from './story-of-pods.ts';
import { eventually } from '../rig/eventually.ts';
import { WHOLE } from '../whole.ts';
import { startWorld, type Death, type World } from './world.ts';

const never = new AbortController().signal;
/** Most of a retry is waiting: so many clusters live side by side. Processes that start have work to do. */
const WORLDS: Readonly<Record<Death, number>> = { stopped: 4, SIGKILL: 2 };

/** Counts effects, and kills at one point of the story. */
class Executioner implements Watcher {
  readonly seen: Omit<KillPoint, 'when'>[] = [];
  #point: KillPoint | undefined;

  aim(point: KillPoint | undefined): void {
    this.seen.length = 0;
    this.#point = point;
  }

  onEffect(effect: string): 'before' | 'after' | undefined {
    const nth = 1 + this.seen.filter((known) => known.effect === effect).length;
    this.seen.push({ effect, nth });
    const point = this.#point;
    return point?.effect === effect && point.nth === nth ? point.when : undefined;
  }
}

const roomOf = async ({ csi: { controller } }: World): Promise<bigint> => {
  const request = csi.GetCapacityRequest.fromPartial({ parameters: { volumeType: 'LVM' } });
  return (await controller.getCapacity(request, never)).availableCapacity;
};

/** Plays the story once; each step must leave exactly what it should. */
async function play(story: readonly Step[], world: World): Promise<void> {
  await rm(world.targets, { recursive: true, force: true });
  for (const step of story) {
    await untilOk(step, world);
    const look = async () => ({ after: step.name, ...(await world.inventory()) });
    const wanted = { after: step.name, ...step.leaves };
    if (step.later) await expect.poll(look).toMatchObject(wanted);
    else expect(await look()).toMatchObject(wanted);
  }
}

/** Plays the story with a kill at each of these points. */
async function killAt(story: readonly Step[], points: readonly KillPoint[], death: Death): Promise<void> {
  const executioner = new Executioner();
  await using world = await startWorld(executioner, death);
  const room = await roomOf(world);
  for (const [index, point] of points.entries()) {
    executioner.aim(point);
    await play(story, world).catch((error: unknown) => {
      throw new Error(`killed ${nameOf(point)}: ${String(error)}`, { cause: error });
    });
    // What was killed may have had its last effect in time for its caller.
    await eventually(() => expect(world.kills, `kills ${nameOf(point)}`).toBe(index + 1));
    await eventually(async () => expect(await roomOf(world), `room after a kill ${nameOf(point)}`).toBe(room));
  }
}

/** Plays the story unharmed, and lists the effects that it has. */
async function findPoints(story: readonly Step[], death: Death): Promise<readonly KillPoint[]> {
  const executioner = new Executioner();
  await using world = await startWorld(executioner, death);
  executioner.aim(undefined); // what the start did is no part of the story
  await play(story, world);
  const effects = executioner.seen.map(({ effect, nth }) => `${effect} #${nth}`);
  process.stdout.write(`${2 * effects.length} kill points, before and after: ${effects.join(', ')}\n`);
  return executioner.seen.flatMap((effect) => (['before', 'after'] as const).map((when) => ({ ...effect, when })));
}

const STORIES = [
  ['a plain volume', storyOf('plain'), 60],
  ['an encrypted volume', storyOf('luks2'), 60],
  ['copies of a volume', storyOfCopies(), 40],
  ['snapshots of two volumes', storyOfGroups(), 30],
  ['a pod that kube-scheduler binds', storyOfPod('kube-scheduler'), 20],
  ['a pod that is bound through the extender', storyOfPod('the extender'), 22],
] as const;
/** A process is started anew at each point, which takes minutes: that is left to `make test-all`. */
const DEATHS: readonly Death[] = WHOLE ? ['stopped', 'SIGKILL'] : ['stopped'];
const CASES = STORIES.flatMap(([what, story, least]) => DEATHS.map((death) => ({ what, story, least, death })));

test.each(CASES)(
  'whoever is killed ($death) before or after an effect on $what, a retry ends with nothing too many and nothing too few',
  async ({ story, least, death }) => {
    const points = await findPoints(story, death);
    expect(points.length).toBeGreaterThan(least);
    const worlds = WORLDS[death];
    const shares = Array.from({ length: worlds }, (_, share) => points.filter((_, index) => index % worlds === share));
    await Promise.all(shares.map((share) => killAt(story, share, death)));
  },
  900_000,
);
