import { randomUUID } from 'node:crypto';
import type { ObjectMeta } from '../../src/model/objects.ts';
import { badRequest, type Cause, wrong } from './failure.ts';
import { isObject, type Stored } from './json.ts';
import type { Kind } from './kind.ts';
import { keyProblem, labelNameProblem, labelValueProblem, nameProblem } from './names.ts';

/** Seconds, UTC, as Kubernetes writes times. */
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** What a new object gets, whatever was sent. */
export function freshMeta(sent: ObjectMeta, kind: Kind, now: number): ObjectMeta {
  const metadata: ObjectMeta = { ...sent, uid: randomUUID(), creationTimestamp: timestamp(now) };
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  if (kind.generation) metadata.generation = 1;
  return tidied(metadata);
}

/** What an update cannot change keeps its old value; what else was sent is taken. */
export function carriedMeta(sent: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const metadata: ObjectMeta = { ...sent };
  const carried = [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'generateName',
  ];
  for (const field of carried as (keyof ObjectMeta)[]) {
    if (old[field] === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: old[field] });
  }
  return tidied(metadata);
}

/** Without empty collections and without managedFields, which are kept apart. */
function tidied(metadata: ObjectMeta): ObjectMeta {
  const kept = Object.entries(metadata).filter(
    ([field, value]) => field !== 'managedFields' && field !== 'selfLink' && !isEmpty(value),
  );
  return Object.fromEntries(kept) as ObjectMeta;
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Throws 400 when metadata has not the types the server itself relies on. */
export function checkMetaTypes(metadata: ObjectMeta): void {
  for (const field of ['name', 'generateName', 'namespace', 'uid', 'resourceVersion'] as const) {
    if (!isText(metadata[field] ?? '')) throw badRequest(`metadata.${field} must be a string`);
  }
  for (const field of ['labels', 'annotations'] as const) {
    const value: unknown = metadata[field] ?? {};
    if (!isObject(value) || !Object.values(value).every(isText))
      throw badRequest(`metadata.${field} must be a map of strings`);
  }
  const finalizers: unknown = metadata.finalizers ?? [];
  if (!Array.isArray(finalizers) || !finalizers.every(isText))
    throw badRequest('metadata.finalizers must be a list of strings');
}

const isText = (value: unknown): boolean => typeof value === 'string';

/** What is wrong with names, labels, annotations and finalizers. */
export function metaCauses(object: Stored, kind: Kind): Cause[] {
  const { name = '', labels = {}, annotations = {}, finalizers = [] } = object.metadata;
  return [
    ...nameCauses(name, kind),
    ...causesOf('labels', Object.keys(labels), keyProblem),
    ...causesOf('labels', Object.values(labels), labelValueProblem),
    ...causesOf('annotations', Object.keys(annotations), keyProblem),
    ...causesOf('finalizers', finalizers, keyProblem),
  ];
}

function nameCauses(name: string, kind: Kind): Cause[] {
  if (name === '') return [wrong.required('metadata.name', 'name or generateName is required')];
  const problem = kind.plural === 'namespaces' ? labelNameProblem(name) : nameProblem(name);
  return problem === '' ? [] : [wrong.value('metadata.name', name, problem)];
}

const causesOf = (field: string, texts: readonly string[], problem: (text: string) => string): Cause[] =>
  texts.filter((text) => problem(text) !== '').map((text) => wrong.value(`metadata.${field}`, text, problem(text)));

/** Deletion is begun by a delete alone, and nothing new may hold it up. `sent` is the metadata as it came. */
export function deletionCauses(sent: ObjectMeta, old: ObjectMeta): Cause[] {
  if (old.deletionTimestamp === undefined && sent.deletionTimestamp) {
    return [wrong.value('metadata.deletionTimestamp', sent.deletionTimestamp, 'field is immutable')];
  }
  if (old.deletionTimestamp === undefined) return [];
  const before = old.finalizers ?? [];
  const added = (sent.finalizers ?? []).filter((one) => !before.includes(one));
  if (added.length === 0) return [];
  const names = added.map((one) => JSON.stringify(one)).join(', ');
  return [
    wrong.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`,
    ),
  ];
}
