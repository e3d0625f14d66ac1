import { reach } from '../connect.ts';
import type { KubeClient } from '../kube/client.ts';
import { CLAIMS, LOCAL_VOLUMES, NODE_LOCAL_STORAGES, PODS } from '../kube/resource.ts';
import { placesOf } from '../model/cordon.ts';
import type { ObjectMeta } from '../model/objects.ts';
import type { NameKind } from '../people/words/command-text.ts';
import type { AskedNames } from '../people/words/complete.ts';

/** Whoever pressed Tab waits. */
const WITHIN_MS = 5000;
/** More are no help at a prompt. */
const MOST = 500;

interface Question {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The argument before. */
  readonly after: string;
  readonly signal: AbortSignal;
}

/**
 * The names that the cluster has of a kind, as far as they begin so. None where it does not answer in time: at a prompt
 * nothing else is to be said.
 */
export async function completeNames(
  { kind, start, after, flags }: AskedNames,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(WITHIN_MS);
  try {
    const { kubeconfig, context } = flags;
    const { client, namespace } = await reach('complete', { kubeconfig, context }, env, { timeoutMs: WITHIN_MS });
    try {
      const names = await NAMES[kind]({ client, namespace: flags['namespace'] ?? namespace, after, signal });
      return names.filter((name) => name.startsWith(start));
    } finally {
      client.close();
    }
  } catch {
    return [];
  }
}

const NAMES: Readonly<Record<NameKind, (question: Question) => Promise<readonly string[]>>> = {
  node: async ({ client, signal }) => namesOf(await client.list(NODE_LOCAL_STORAGES, { limit: MOST }, signal)),
  pod: async ({ client, namespace, signal }) => namesOf(await client.list(PODS, { namespace, limit: MOST }, signal)),
  claim: async ({ client, namespace, signal }) =>
    namesOf(await client.list(CLAIMS, { namespace, limit: MOST }, signal)),
  volume: async ({ client, signal }) => namesOf(await client.list(LOCAL_VOLUMES, { limit: MOST }, signal)),
  place: async ({ client, after, signal }) => placesOf(await client.get(NODE_LOCAL_STORAGES, { name: after }, signal)),
};

const namesOf = ({ items }: { readonly items: readonly { readonly metadata: ObjectMeta }[] }): readonly string[] =>
  items.map(({ metadata }) => metadata.name ?? '');
