import { optionalText } from '../daemon/flag-types.ts';
import { EVENTS } from '../doctor/model/kinds.ts';
import type { Look } from '../doctor/look.ts';
import { CLAIMS, NODES, PODS } from '../kube/resource.ts';
import { lookCommand } from './look.ts';
import { driversOf } from '../model/decode.ts';
import { classOf } from '../model/decode-claim.ts';
import { Fault } from '../model/fault.ts';
import type { PodFacts } from '../model/facts.ts';
import type { Pod } from '../model/objects.ts';
import { beingMade } from '../people/being-made.ts';
import { readRoom, type Room } from '../people/room.ts';
import { asJson, asText, caveats, screenFor } from '../people/tell.ts';
import { schedulerSays, tellBound, tellWhy } from '../people/tell-why.ts';
import { wrap } from '../people/screen/table.ts';
import type { Screen } from '../people/screen/screen.ts';
import { tellNode, whyOfNode } from '../people/why-node.ts';
import { volumeRows } from '../people/volumes.ts';
import { isNot } from '../people/words/command-text.ts';
import type { Judge, Why } from '../operator/waiting/judge.ts';
import type { RefusedClaim } from '../operator/waiting/sentences.ts';
import { judgeOf, podOfClaim, refusedClaimOf } from '../people/why.ts';

const KINDS = ['pod', 'claim', 'node'] as const;
type Kind = (typeof KINDS)[number];

const TEXT = {
  doc: 'Why a pod or a claim waits, or why nothing is placed on a node: with numbers, and what helps.',
  args: [
    { name: 'KIND', words: KINDS },
    { name: 'NAME', names: { pod: 'pod', claim: 'claim', node: 'node' } },
  ] as const,
  about: `Judged by the functions by which the operator answers kube-scheduler and words its Events, over the objects as they are
now; so it answers while the operator is down, too. What the operator holds for pods in the moment of their scheduling is
in no object.`,
  flags: {
    namespace: optionalText({
      ...{ placeholder: 'NAME', short: 'n' },
      doc: "Of the pod or claim; without it the context's.",
    }),
  },
};

/** What is told, for people and for programs. */
interface Answer {
  readonly lines: readonly string[];
  readonly json: object;
}

interface Question {
  readonly room: Room;
  readonly look: Look;
  readonly namespace: string;
  readonly name: string;
  readonly screen: Screen;
}

/** `kubectl open-local why`. */
export const whyCommand = lookCommand('why', TEXT, async ({ words, flags, output, ...reading }) => {
  const [kind, name] = words as readonly [Kind, string];
  const namespace = flags.namespace ?? reading.namespace;
  const room = await readRoom(reading);
  const screen = screenFor(output, reading.screen);
  const answer = await ANSWERS[kind]({ room, look: reading.look, namespace, name, screen });
  if (output === 'json') return asJson(answer.json, room);
  return asText([...answer.lines, ...caveats(room, reading.screen)]);
});

const ANSWERS: Readonly<Record<Kind, (question: Question) => Promise<Answer>>> = {
  pod: whyPod,
  claim: whyClaim,
  node: whyNode,
};

const say = (screen: Screen, ...sentences: readonly string[]): readonly string[] =>
  sentences.flatMap((each) => wrap(each, screen.width));

async function whyPod({ room, look, namespace, name, screen }: Question): Promise<Answer> {
  const pod = await look.find(PODS, { namespace, name });
  if (!pod) throw missing(`a pod of namespace ${namespace} that can be read`, name, namesIn(room.pods, namespace));
  const judge = judgeOf(room);
  const facts = judge.factsOf(pod);
  const made = whyNotMade(room, namespace, claimsOf(facts), screen);
  if (made && pod.status?.phase === 'Pending') return { ...made, json: { pod: `${namespace}/${name}`, ...made.json } };
  const settled = whySettled(pod, facts, judge);
  if (settled !== undefined)
    return { lines: say(screen, settled), json: { pod: `${namespace}/${name}`, message: settled } };
  const why = judge.why(facts, refusedClaimOf(facts, await refusals(look, namespace), room.claims));
  const said = why.fits > 0 || why.message === undefined ? schedulerSays(pod) : [];
  return {
    lines: [...tellWhy(why, screen), ...(said.length > 0 ? ['', ...say(screen, ...said)] : [])],
    json: { pod: `${namespace}/${name}`, ...why },
  };
}

/** That volumes have their place, and are not there yet; undefined when there are none of these. */
function whyNotMade(room: Room, namespace: string, claims: readonly string[], screen: Screen): Answer | undefined {
  const making = beingMade(room, namespace, claims);
  if (making.length === 0) return undefined;
  return { lines: say(screen, ...making.map(({ message }) => message)), json: { making } };
}

const claimsOf = ({ volumes }: PodFacts): readonly string[] =>
  volumes.flatMap((volume) => (volume.kind === 'inline' ? [] : [volume.claimName]));

/** Why there is nothing to judge; undefined when there is. */
function whySettled({ spec, status }: Pod, facts: PodFacts, judge: Judge): string | undefined {
  const { phase = 'Pending' } = status ?? {};
  if (['Succeeded', 'Failed'].includes(phase)) return `It has ended: ${phase}.`;
  if (!judge.concerns(facts))
    return 'None of its volumes is of open-local: it waits for something else, if it waits. See kubectl describe pod.';
  const named = phase === 'Pending' ? judge.named(facts) : undefined;
  if (named) return named.message;
  if (spec?.nodeName)
    return `It has its node, ${spec.nodeName}, and is ${phase}. If it does not start: kubectl describe pod, and kubectl open-local volumes --node ${spec.nodeName}.`;
  return undefined;
}

async function whyClaim({ room, look, namespace, name, screen }: Question): Promise<Answer> {
  const claim = await look.find(CLAIMS, { namespace, name });
  if (!claim)
    throw missing(`a claim of namespace ${namespace} that can be read`, name, namesIn(room.claims, namespace));
  const judge = judgeOf(room);
  const storageClass = classOf(claim.metadata, claim.spec) ?? '';
  const key = `${namespace}/${name}`;
  if (claim.status?.phase === 'Bound') {
    const rows = volumeRows({ ...room, drivers: driversOf(room.settings.driver) });
    const lines = tellBound(
      claim,
      rows.find((row) => row.claim === key),
    );
    return { lines: say(screen, ...lines), json: { claim: key, message: lines.join(' ') } };
  }
  const made = whyNotMade(room, namespace, [name], screen);
  if (made) return { ...made, json: { claim: key, ...made.json } };
  if (!judge.classes.has(storageClass)) {
    const message = `StorageClass ${storageClass || '(none)'} is not of open-local, or is not there: somebody else makes this volume.`;
    return { lines: say(screen, message), json: { claim: key, message } };
  }
  const users = room.pods.map(judge.factsOf).filter((pod) => pod.namespace === namespace && usesClaim(pod, name));
  const isImmediate =
    room.classes.find(({ metadata }) => metadata.name === storageClass)?.volumeBindingMode !== 'WaitForFirstConsumer';
  if (users.length > 0 || isImmediate) {
    const [asking = podOfClaim(claim)] = users;
    const lastRefusal = refusedClaimOf(asking, await refusals(look, namespace), room.claims);
    return whyUsed(key, users, { asking, judge, lastRefusal, screen });
  }
  const why: Why = judge.why(podOfClaim(claim));
  const idle = `No pod that waits uses it, and its volume is made when one does (StorageClass ${storageClass}, WaitForFirstConsumer). If one came now:`;
  return { lines: [...say(screen, idle), ...tellWhy(why, screen)], json: { claim: key, idle: true, ...why } };
}

interface UsedClaim {
  /** A pod that uses the claim, or one that might. */
  readonly asking: PodFacts;
  readonly judge: Judge;
  readonly lastRefusal: RefusedClaim | undefined;
  readonly screen: Screen;
}

/** Of a claim that pods use, or whose volume is made at once. */
function whyUsed(claim: string, users: readonly PodFacts[], { asking, judge, lastRefusal, screen }: UsedClaim): Answer {
  const [named] = users.flatMap((pod) => judge.named(pod) ?? []);
  if (named) return { lines: say(screen, named.message), json: { claim, message: named.message } };
  const why = judge.why(asking, lastRefusal);
  const head = users.map((pod) => `Pod ${pod.namespace}/${pod.name} uses it:`).slice(0, 1);
  return { lines: [...say(screen, ...head), ...tellWhy(why, screen)], json: { claim, ...why } };
}

const usesClaim = ({ volumes }: ReturnType<ReturnType<typeof judgeOf>['factsOf']>, name: string): boolean =>
  volumes.some((volume) => volume.kind !== 'inline' && volume.claimName === name);

async function whyNode({ room, look, name, screen }: Question): Promise<Answer> {
  const node = await look.find(NODES, { name });
  const isKnown = room.storages.some(({ metadata }) => metadata.name === name);
  if (!node && !isKnown)
    throw missing(
      'a node that can be read',
      name,
      room.nodes.map(({ metadata }) => metadata.name ?? ''),
    );
  const story = whyOfNode(room, name, node);
  return { lines: tellNode(name, story, screen), json: { node: name, ...story } };
}

const refusals = async (look: Look, namespace: string) =>
  (await look.list(EVENTS, { namespace, fieldSelector: 'reason=ProvisioningFailed' })) ?? [];

const namesIn = (
  objects: readonly { metadata: { namespace?: string; name?: string } }[],
  namespace: string,
): string[] =>
  objects.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name ?? '');

const MAX_NAMES = 10;

const missing = (what: string, name: string, names: readonly string[]): Fault =>
  new Fault('invalid', names.length === 0 ? `"${name}" is not ${what}` : isNot(name, what, names.slice(0, MAX_NAMES)));
