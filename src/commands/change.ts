import { reach } from '../connect.ts';
import type { Flags, FlagValues } from '../daemon/flags.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import type { Resource } from '../kube/resource.ts';
import { Fault } from '../model/fault.ts';
import type { KubeObject } from '../model/objects.ts';
import { peopleCommand, type PeopleCommand } from './people-command.ts';
import { screenOf } from '../people/screen/screen.ts';
import { wrap } from '../people/screen/table.ts';
import { ACCESS } from '../people/words/access-flags.ts';
import type { CommandText } from '../people/words/command-text.ts';

/** What a command that changes an object is given. */
export interface Changing<F extends Flags> {
  readonly words: readonly string[];
  readonly flags: FlagValues<F>;
  readonly client: KubeClient;
  readonly signal: AbortSignal;
}

/** A command that writes an annotation. It ends with what it tells, in sentences. */
export function changeCommand<const F extends Flags>(
  name: string,
  text: CommandText & { readonly flags: F },
  change: (changing: Changing<F>) => Promise<readonly string[]>,
): PeopleCommand {
  const flags = { ...text.flags, ...ACCESS };
  return peopleCommand(name, { ...text, flags }, async (given, env, signal) => {
    const values = given.flags as FlagValues<F> & FlagValues<typeof ACCESS>;
    const { client } = await reach(name, values, env);
    try {
      const told = await change({ words: given.words, flags: values, client, signal });
      const { width } = screenOf(process.stdout, env);
      process.stdout.write(`${told.flatMap((each) => wrap(each, width)).join('\n')}\n`);
    } finally {
      client.close();
    }
  });
}

/** How often somebody else may have written the object in between. */
const TRIES = 5;

/**
 * Writes one annotation as `decide` says by the object as it is; `value` absent: nothing is written. Resolves with what
 * was decided. Throws Fault where there is no such object, and ApiError.
 */
export async function annotate<T extends KubeObject, D extends { readonly value?: string | null }>(
  { client, signal }: Pick<Changing<Flags>, 'client' | 'signal'>,
  target: { readonly resource: Resource<T>; readonly name: string; readonly annotation: string },
  decide: (object: T) => D,
): Promise<D> {
  const { resource, name, annotation } = target;
  for (let tries = 1; ; tries += 1) {
    const object = await found({ client, signal }, resource, name);
    const decided = decide(object);
    if (decided.value === undefined) return decided;
    const { resourceVersion } = object.metadata;
    const body = { metadata: { resourceVersion, annotations: { [annotation]: decided.value } } };
    try {
      await client.patch(resource, { name }, { type: 'merge', body }, signal);
      return decided;
    } catch (error) {
      if (!isConflict(error) || tries === TRIES) throw error;
    }
  }
}

/** Throws Fault where there is no such object. */
export async function found<T extends KubeObject>(
  { client, signal }: Pick<Changing<Flags>, 'client' | 'signal'>,
  resource: Resource<T>,
  name: string,
): Promise<T> {
  try {
    return await client.get(resource, { name }, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Fault('invalid', `there is no ${resource.kind} ${name}: kubectl get ${resource.plural}`);
  }
}
