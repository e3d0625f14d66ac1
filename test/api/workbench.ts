import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll } from 'vitest';
import { parse } from 'yaml';
import type { KubeClient } from '../../src/kube/client.ts';
import { ApiError, isAlreadyExists } from '../../src/kube/errors.ts';
import type { Resource } from '../../src/kube/resource.ts';
import type { Condition, KubeObject, ObjectMeta } from '../../src/model/objects.ts';
import type { Raw, RawReply } from './raw.ts';

/** The server under test. */
export interface Subject {
  readonly client: KubeClient;
  readonly raw: Raw;
  /** For the official client. */
  readonly official: KubeConfig;
  /** Makes revisions from before this call too old to watch from. A real server forgets them by itself. */
  readonly forget?: () => void;
}

export interface Thing extends KubeObject {
  spec?: Record<string, unknown>;
  status?: { phase?: string; conditions?: Pick<Condition, 'type' | 'status'>[] };
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

export const NAMESPACES: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
export const CONFIG_MAPS: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
export const SERVICE_ACCOUNTS: Resource = { ...CONFIG_MAPS, plural: 'serviceaccounts', kind: 'ServiceAccount' };
export const DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** One run of the suite on one server. Its names are its own, so that runs do not disturb each other. */
export interface Workbench {
  readonly client: KubeClient;
  readonly raw: Raw;
  readonly official: KubeConfig;
  readonly namespace: string;
  readonly things: Resource<Thing>;
  readonly signal: AbortSignal;
  forget(): void;
  /** Makes a name that was never used before. */
  name(): string;
  /** Makes a Thing without creating it, with a new name unless `metadata` has one. */
  thing(spec?: Record<string, unknown>, metadata?: ObjectMeta): Thing;
  /** Creates a Thing. */
  made(spec?: Record<string, unknown>, metadata?: ObjectMeta): Promise<Thing>;
  /** URL path of all Things, or of one. */
  path(name?: string): string;
}

const dir = import.meta.dirname;
const OURS = ['localvolumes', 'nodelocalstorages', 'nodelocalstorageinitconfigs'];

/** Sets the stage before the tests of the file and clears it afterwards; use what it returns inside of tests only. */
export function createWorkbench(subject: () => Subject): Workbench {
  const run = randomBytes(4).toString('hex');
  const group = `run-${run}.try.open-local.test`;
  const namespace = `api-${run}`;
  const things: Resource<Thing> = { group, version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
  const signal = new AbortController().signal;
  const undo: (() => Promise<unknown>)[] = [];
  let count = 0;

  beforeAll(async () => {
    const { client } = subject();
    const definitions = OURS.map((name) => readFileSync(path.join(dir, `../../crds/${name}.yaml`), 'utf8'));
    const ours = readFileSync(path.join(dir, 'things.yaml'), 'utf8').replaceAll('GROUP', group);
    for (const text of [...definitions, ours]) {
      const definition = parse(text) as KubeObject & { spec: { group: string; names: { plural: string } } };
      const key = { name: definition.metadata.name ?? '' };
      if (await created(client, DEFINITIONS, definition)) undo.push(() => client.delete(DEFINITIONS, key, signal));
      await served(client, {
        ...things,
        group: definition.spec.group,
        plural: definition.spec.names.plural,
        version: versionOf(text),
      });
    }
    await client.create(NAMESPACES, { metadata: { name: namespace } }, signal);
    undo.push(() => client.delete(NAMESPACES, { name: namespace }, signal));
    // The default ServiceAccount is made by a controller in a whole cluster; without it no pod can be created.
    await created(client, SERVICE_ACCOUNTS, { metadata: { name: 'default', namespace } });
  });
  afterAll(async () => {
    for (const one of undo.toReversed()) await one();
  });

  const workbench: Workbench = {
    get client() {
      return subject().client;
    },
    get raw() {
      return subject().raw;
    },
    get official() {
      return subject().official;
    },
    namespace,
    things,
    signal,
    forget: () => subject().forget?.(),
    name: () => `x${(count += 1)}-${run}`,
    thing: (spec = {}, metadata = {}) => ({
      apiVersion: `${group}/v1`,
      kind: 'Thing',
      metadata: { namespace, ...(metadata.generateName === undefined ? { name: workbench.name() } : {}), ...metadata },
      spec,
    }),
    made: (spec, metadata) => subject().client.create(things, workbench.thing(spec, metadata), signal),
    path: (name) => `/apis/${group}/v1/namespaces/${namespace}/things${name === undefined ? '' : `/${name}`}`,
  };
  return workbench;
}

const versionOf = (text: string): string => (/- name: (\w+)/.exec(text) as RegExpExecArray)[1] as string;

/** Tells whether this call created the object. */
async function created(client: KubeClient, resource: Resource, object: KubeObject): Promise<boolean> {
  try {
    await client.create(resource, object, AbortSignal.timeout(10_000));
    return true;
  } catch (error) {
    if (isAlreadyExists(error)) return false;
    throw error;
  }
}

/** Waits until the server serves the new kind: a real one does so a moment after it was defined. */
export async function served(client: KubeClient, resource: Resource): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  for (;;) {
    try {
      await client.list(resource, {}, signal);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || ![404, 429, 503].includes(error.code)) throw error;
      await delay(50, undefined, { signal });
    }
  }
}

/** Summarizes a refusal for comparing: the code, the reason, and the field and reason of every cause. */
export function refusal(reply: RawReply): { code: number; reason: string | undefined; causes: string[] } {
  const status = reply.json<{
    kind: string;
    reason?: string;
    details?: { causes?: { field: string; reason: string }[] };
  }>();
  const causes = (status.details?.causes ?? []).filter(({ field }) => field !== '<nil>');
  return {
    code: reply.code,
    reason: status.reason,
    causes: [...new Set(causes.map(({ field, reason }) => `${field} ${reason}`))].toSorted(),
  };
}

/** Key of an object that came from the server. */
export const keyOf = ({
  metadata: { name = '', namespace },
}: KubeObject): { name: string; namespace: string | undefined } => ({
  name,
  namespace,
});
