import type { AskedVolume } from '../../capacity/needs/asked-volumes.ts';
import type { Shortfall } from '../../capacity/placing/shortfall.ts';
import { bytes, formatBytes, formatMissing, type Bytes } from '../../model/bytes.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import { OBSTACLES, type ObstacleKind } from './obstacles.ts';
import type { ClosestGroup, Obstacle, Survey } from './survey.ts';

/** What is said of a pod that waits. */
export interface Told {
  readonly reason: EventReason;
  readonly message: string;
}

/** A claim that was refused, and the words in which it was. */
export interface RefusedClaim {
  readonly name: string;
  readonly words: string;
  /** Who refused it. Absent: CreateVolume. */
  readonly by?: string;
}

export interface WaitFacts {
  readonly survey: Survey;
  /** Of `survey.closest`, when it is a group. */
  readonly group?: ClosestGroup | undefined;
  readonly refusedClaim?: RefusedClaim | undefined;
}

/** More than these are counted. */
const MAX_VOLUMES = 4;
const MAX_OBSTACLES = 5;
const MAX_HELPS = 2;
/** An Event's message has 1024 characters, and what else is said has its own. */
const MAX_WORDS = 400;

/**
 * What to say of a pod that waits, with numbers; undefined when it does not wait for us: some node that it may go to
 * has room.
 */
export function sayWhy({ survey, group, refusedClaim }: WaitFacts): Told | undefined {
  if (survey.asked.length === 0) return undefined;
  if (survey.fits > 0 || survey.nodes === 0) return refusedClaim && sayRefused(survey.asked, refusedClaim);
  const obstacles = [...survey.obstacles.values()].toSorted(
    (a, b) => rank(a.kind) - rank(b.kind) || b.count - a.count || (a.text < b.text ? -1 : 1),
  );
  const [first] = obstacles;
  if (!first) return undefined;
  const sentences = [
    `Waits with ${list(survey.asked)}.`,
    whyNot(survey.nodes, obstacles),
    ...(survey.closest ? sayClosest(survey.closest, group) : []),
    first.kind === 'refused' && refusedClaim ? sayWords(refusedClaim) : '',
    sayHelp(obstacles, survey.closest),
  ];
  return { reason: OBSTACLES[first.kind].reason, message: sentences.filter((sentence) => sentence !== '').join(' ') };
}

const KINDS = Object.keys(OBSTACLES);
const rank = (kind: ObstacleKind): number => KINDS.indexOf(kind);

const sayRefused = (asked: readonly AskedVolume[], refused: RefusedClaim): Told => ({
  reason: 'ClaimRefused',
  message: `Waits with ${list(asked)}. ${sayWords(refused)}`,
});

const sayWords = ({ name, words, by = 'CreateVolume' }: RefusedClaim): string =>
  `${by} refused claim ${name}: ${words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}…` : words}.`;

function list(asked: readonly AskedVolume[]): string {
  const shown = asked.slice(0, MAX_VOLUMES).map(describeAsked);
  const more = asked.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** `claim data (10 GiB, class open-local-lvm)`. */
export function describeAsked({ what, name, size, storageClass, node, source }: AskedVolume): string {
  const traits = [
    formatBytes(size),
    storageClass && `class ${storageClass}`,
    node && `on node ${node}`,
    source && `made from ${source}`,
  ];
  return `${what} ${name} (${traits.filter(Boolean).join(', ')})`;
}

/** Of all nodes, or of each kind of obstacle how many. */
function whyNot(nodes: number, obstacles: readonly Obstacle[]): string {
  const count = nodes === 1 ? 'the only node' : `${nodes} nodes`;
  const shown = obstacles.slice(0, MAX_OBSTACLES).map((one) => `${one.count}: ${one.text}`);
  const rest = obstacles.slice(MAX_OBSTACLES).reduce((sum, one) => sum + one.count, 0);
  const [only] = obstacles;
  if (obstacles.length === 1 && only)
    return nodes === 1 ? `On ${count}: ${only.text}.` : `On all ${count}: ${only.text}.`;
  return `Of ${count}, ${[...shown, ...(rest > 0 ? [`${rest}: other causes`] : [])].join('; ')}.`;
}

function sayClosest(closest: Shortfall, group: ClosestGroup | undefined): string[] {
  const { node, kind, where, needed, lacks, whole } = closest;
  const size = (n: number): string => formatBytes(asBytes(n));
  if (kind !== 'LVM') {
    const what = kind === 'Device' ? 'disk' : 'mount point';
    return lacks === 0 ? [] : [`The largest free ${what} is ${where} of node ${node}, ${size(whole)}.`];
  }
  const missing = lacks === 0 ? 'has room by its numbers' : `lacks ${formatMissing(asBytes(lacks))} of ${size(needed)}`;
  const filled = group ? `: ${fill(group)}` : '';
  const tooLarge =
    needed > whole && lacks > 0 ? [`No volume group that would do has more than ${size(whole)} in all.`] : [];
  return [`Closest is volume group ${where} of node ${node}, which ${missing}${filled}.`, ...tooLarge];
}

/** What holds the room of a group. Whose volumes they are is not said: they may be those of other namespaces. */
function fill({ state, volumes }: ClosestGroup): string {
  const { free, total, taken, reserved, unattributed, settled, floating } = state;
  const size = (n: number): string => formatBytes(asBytes(n));
  const held = settled + floating;
  const uses = [
    taken > 0 && `${size(taken)} in ${volumes === 1 ? '1 volume' : `${volumes} volumes`}`,
    reserved > 0 && `${size(reserved)} reserved`,
    unattributed > 0 && `${size(unattributed)} in what is no volume`,
    held > 0 && `${size(held)} held for pods that are being placed`,
  ].filter((use) => use !== false);
  return [`${size(free)} of ${size(total)} free`, ...uses].join(', ');
}

const asBytes = (n: number): Bytes => bytes(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.ceil(n))));

function sayHelp(obstacles: readonly Obstacle[], closest: Shortfall | undefined): string {
  const helps = new Set<string>();
  for (const { kind, node } of obstacles) {
    const help = OBSTACLES[kind].help?.(closest && FOR_ROOM.has(kind) ? closest.node : node);
    if (help !== undefined && helps.size < MAX_HELPS) helps.add(help);
  }
  return helps.size === 0 ? '' : `What helps: ${[...helps].join('; or ')}.`;
}

/** Of these the node that came closest is named. */
const FOR_ROOM: ReadonlySet<ObstacleKind> = new Set(['too-small', 'held']);
