import { present } from '../../src/model/present.ts';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifest } from '../apiserver/manifest.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { apiVersionOf, CLAIMS, type Resource } from '../../src/kube/resource.ts';
import { Fault } from '../../src/model/fault.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import { admitted } from '../controllers/claim-binder.ts';
import { isSelected, type Selection } from './expectation.ts';
import { findKind } from '../controllers/kinds.ts';
import type { Action } from './story.ts';
import { unlessGone } from '../../src/kube/find.ts';

export interface PerformDeps {
  readonly client: KubeClient;
  /** Folder of the files of the story. */
  readonly directory: string;
  /** Adapts a manifest to this machine, for example disk names. */
  readonly adapt: (object: KubeObject) => KubeObject;
}

const NAMESPACE = 'default';
const FIELD_MANAGER = 'open-local-sandbox';

/**
 * Performs one action of the story. Throws Fault `invalid` for a manifest of an unknown kind, or the API server's
 * error.
 */
export async function perform(action: Action, deps: PerformDeps, signal: AbortSignal): Promise<void> {
  switch (action.do) {
    case 'apply':
      for (const file of action.files) await applyFile(path.join(deps.directory, file), deps, signal);
      return;
    case 'delete':
      for (const selection of action.what) await deleteSelected(selection, deps.client, signal);
      return;
    case 'grow': {
      const body = { spec: { resources: { requests: { storage: action.to } } } };
      const key = { namespace: NAMESPACE, name: action.claim };
      await deps.client.patch(CLAIMS, key, { type: 'merge', body }, signal);
    }
  }
}

/** Applies all objects of a file at once, without waiting between them. */
async function applyFile(file: string, { client, adapt }: PerformDeps, signal: AbortSignal): Promise<void> {
  const objects = parseManifest(await readFile(file, 'utf8'), file);
  await Promise.all(objects.map((object) => applyObject(adapt(object), client, signal)));
}

/** Server-side apply, as `kubectl apply --server-side`. */
export async function applyObject(object: KubeObject, client: KubeClient, signal: AbortSignal): Promise<void> {
  const resource = findKind(object.kind ?? '', object.apiVersion);
  if (!resource)
    throw new Fault('invalid', `${object.apiVersion ?? ''} ${object.kind ?? ''} is not known to the sandbox`);
  const { name = '', namespace = NAMESPACE } = object.metadata;
  const key = resource.namespaced ? { name, namespace } : { name };
  const patch = { type: 'apply', body: admitted(object), fieldManager: FIELD_MANAGER, force: true } as const;
  await client.patch(resource, key, patch, signal);
}

async function deleteSelected(selection: Selection, client: KubeClient, signal: AbortSignal): Promise<void> {
  const resource = findKind(selection.kind);
  if (!resource) throw new Fault('invalid', `kind ${selection.kind} is not known to the sandbox`);
  const objects = await listAll(resource, client, signal);
  await Promise.all(
    objects
      .filter((object) => isSelected(object, selection))
      .map(({ metadata: { name = '', namespace } }) =>
        unlessGone(client.delete(resource, { name, namespace }, signal)),
      ),
  );
}

/** Lists every object of one kind from the API server. */
export async function listAll<T extends KubeObject>(
  resource: Resource<T>,
  client: KubeClient,
  signal: AbortSignal,
): Promise<T[]> {
  const objects: T[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, { limit: 500, ...present({ continue: next }) }, signal);
    objects.push(...page.items);
    next = page.continue;
  } while (next !== undefined);
  return objects.map((object) => ({ ...object, apiVersion: apiVersionOf(resource), kind: resource.kind }));
}
