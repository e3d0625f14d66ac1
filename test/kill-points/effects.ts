import type { Resource } from '../../src/kube/resource.ts';

/** One of our programs. */
export type ProgramName = 'operator' | 'agent';

/**
 * A moment at which a program is killed: before or after it does something to the world outside of it. `effect` names
 * program, port, verb and what it is done to; `nth` counts the same effects within the story, from 1.
 */
export interface KillPoint {
  readonly effect: string;
  readonly nth: number;
  readonly when: 'before' | 'after';
}

/** Words for the report of a test. */
export const nameOf = ({ effect, nth, when }: KillPoint): string => `${when} ${effect} #${nth}`;

/**
 * Verbs of the ports that only look. Every other verb of a port is an effect, also one that a port gets in times to
 * come.
 */
const LOOKS: Readonly<Record<string, readonly string[]>> = {
  kube: ['get', 'list', 'listEach', 'watch', 'close'],
  lvm: ['report', 'fill'],
  disks: ['list', 'resolve', 'mapperUuid', 'probe', 'watch'],
  mounts: ['list', 'shows', 'isSeenOutside'],
  filesystems: ['probe', 'stats', 'identify', 'entries', 'sizeOf', 'sectorOf', 'assertAlive'],
  crypt: ['header', 'opens', 'mapping'],
};

/**
 * Objects whose writes are no part of an operation: a program writes them by itself, sooner or later, and again after
 * each start.
 */
const BESIDE: ReadonlySet<string> = new Set([
  'nodelocalstorages',
  'nodelocalstorageinitconfigs',
  'csistoragecapacities',
  'events',
]);

/** Stands between a program and the world outside of it. */
export interface Guard {
  /** Lets the program look at something. Throws when it was killed. */
  look<T>(act: () => Promise<T>): Promise<T>;
  /** Lets it do something that is a kill point. */
  effect<T>(effect: string, act: () => Promise<T>): Promise<T>;
}

/** The same port with a guard before each of its verbs. */
export function guarded<T extends object>(program: ProgramName, port: string, inner: T, guard: Guard): T {
  const bound = new Map<PropertyKey, unknown>();
  return new Proxy(inner, {
    get: (target, name, receiver) => {
      const verb: unknown = Reflect.get(target, name, receiver);
      if (typeof verb !== 'function' || typeof name !== 'string') return verb;
      if (!bound.has(name)) bound.set(name, guardVerb({ program, port, name }, verb.bind(target) as Verb, guard));
      return bound.get(name);
    },
  });
}

type Verb = (...args: unknown[]) => Promise<unknown>;

function guardVerb(
  { program, port, name }: { readonly program: ProgramName; readonly port: string; readonly name: string },
  verb: Verb,
  guard: Guard,
): Verb {
  if (name === 'watch' || (port === 'kube' && name === 'close')) return verb; // they end with the signal
  const isLook = LOOKS[port]?.includes(name) ?? false;
  return (...args) => {
    const act = (): Promise<unknown> => verb(...args);
    const subject = subjectOf(port, name, args);
    if (isLook || BESIDE.has(subject.split('/')[0] ?? '')) return guard.look(act);
    return guard.effect(`${program} ${port}.${name} ${subject}`.trim(), act);
  };
}

/** What a write to the API server is about; other ports have little to tell apart. */
function subjectOf(port: string, verb: string, args: readonly unknown[]): string {
  if (port !== 'kube') return '';
  const { plural } = args[0] as Resource;
  const sub = verb === 'patch' ? args[4] : verb === 'update' ? args[3] : verb === 'createSub' ? args[2] : undefined;
  return typeof sub === 'string' ? `${plural}/${sub}` : plural;
}
