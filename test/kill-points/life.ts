import type { Resource } from '../../src/kube/resource.ts';

/** One of our programs. */
export type ProgramName = 'operator' | 'agent';

/**
 * A moment at which a program is killed: before or after it does something to the world outside of it. `effect` names
 * program, port, verb and what it is done to; `nth` counts the same effects within the story, from 1.
 */
export interface KillPoint {
  readonly program: ProgramName;
  readonly effect: string;
  readonly nth: number;
  readonly when: 'before' | 'after';
}

export const nameOf = ({ effect, nth, when }: KillPoint): string => `${when} ${effect} #${nth}`;

/** What every effect of a killed program ends with. */
export class Killed extends Error {}

/**
 * Verbs of the ports that only look. Every other verb of a port is an effect, also one that a port gets in times to
 * come.
 */
export const LOOKS: Readonly<Record<string, readonly string[]>> = {
  kube: ['get', 'list', 'listEach', 'watch', 'close'],
  lvm: ['report', 'fill'],
  disks: ['list', 'resolve', 'mapperUuid', 'probe', 'watch'],
  mounts: ['list', 'shows'],
  filesystems: ['probe', 'stats', 'identify', 'entries', 'sizeOf', 'assertAlive'],
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

export interface Watcher {
  /** Told of every effect as it begins. Returns when the program is to die, if it is. */
  readonly onEffect: (program: ProgramName, effect: string) => 'before' | 'after' | undefined;
}

/**
 * One life of a program, from its start until it is killed or ends. In its ports the world outside can be stopped: from
 * one moment on nothing that the program does happens any more, as after SIGKILL.
 */
export class Life {
  readonly #program: ProgramName;
  readonly #watcher: Watcher;
  readonly #ending = new AbortController();
  #killed = false;

  constructor(program: ProgramName, watcher: Watcher) {
    this.#program = program;
    this.#watcher = watcher;
  }

  /** Aborted at the end of the life: the program is to return. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  get killed(): boolean {
    return this.#killed;
  }

  kill(): void {
    this.#killed = true;
    this.#ending.abort();
  }

  /** Ends it as SIGTERM does. */
  end(): void {
    this.#ending.abort();
  }

  /** The same port for this life only. */
  bind<T extends object>(port: string, inner: T): T {
    const bound = new Map<PropertyKey, unknown>();
    return new Proxy(inner, {
      get: (target, name, receiver) => {
        const verb: unknown = Reflect.get(target, name, receiver);
        if (typeof verb !== 'function' || typeof name !== 'string') return verb;
        if (!bound.has(name)) bound.set(name, this.#bindVerb(port, name, verb.bind(target) as Verb));
        return bound.get(name);
      },
    });
  }

  #bindVerb(port: string, name: string, verb: Verb): Verb {
    if (name === 'watch' || (port === 'kube' && name === 'close')) return verb; // they end with the signal
    if (LOOKS[port]?.includes(name))
      return async (...args) => {
        this.#assertAlive();
        return verb(...args);
      };
    return async (...args) => {
      this.#assertAlive();
      const subject = subjectOf(port, name, args);
      const when = BESIDE.has(subject.split('/')[0] ?? '')
        ? undefined
        : this.#watcher.onEffect(this.#program, `${this.#program} ${port}.${name} ${subject}`.trim());
      if (when === 'before') this.kill();
      this.#assertAlive();
      const result = await verb(...args);
      if (when === 'after') this.kill();
      this.#assertAlive();
      return result;
    };
  }

  #assertAlive(): void {
    if (this.#killed) throw new Killed(`the ${this.#program} was killed`);
  }
}

type Verb = (...args: unknown[]) => Promise<unknown>;

/** What a write to the API server is about; other ports have little to tell apart. */
function subjectOf(port: string, verb: string, args: readonly unknown[]): string {
  if (port !== 'kube') return '';
  const { plural } = args[0] as Resource;
  const sub = verb === 'patch' ? args[4] : verb === 'update' ? args[3] : verb === 'createSub' ? args[2] : undefined;
  return typeof sub === 'string' ? `${plural}/${sub}` : plural;
}
