import { ApiFailure, badRequest } from './failure.ts';
import { clone, isObject, type Json, same } from './json.ts';

/** A patch that does not fit the object, or whose `test` failed: Kubernetes answers both alike. */
const rejected = (): ApiFailure =>
  new ApiFailure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

/** RFC 6902, on a copy. Throws 400 for what is no patch, 422 for one that does not fit. */
export function jsonPatch(target: Json, patch: unknown): Json {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: expected a JSON array of operations');
  // A box, so that the root is replaced like any other member.
  const box = { root: clone(target) };
  for (const operation of patch as unknown[]) {
    if (!isOperation(operation)) throw rejected();
    apply(box, operation);
  }
  return box.root;
}

const isOperation = (value: unknown): value is Operation =>
  isObject(value) && typeof value['op'] === 'string' && typeof value['path'] === 'string';

function apply(box: { root: Json }, operation: Operation): void {
  const path = pointer(operation.path);
  switch (operation.op) {
    case 'add':
      return insert(box, path, given(operation));
    case 'remove':
      remove(box, path);
      return;
    case 'replace':
      return replace(box, path, given(operation));
    case 'move':
      return insert(box, path, remove(box, pointer(operation.from)));
    case 'copy':
      return insert(box, path, clone(read(box, pointer(operation.from))));
    case 'test':
      if (!same(read(box, path), given(operation))) throw rejected();
      return;
    default:
      throw rejected();
  }
}

/** Like the real server, takes an operation without a value as one with null. */
const given = (operation: Operation): Json => clone(operation.value ?? null);

/** The tokens of a JSON pointer (RFC 6901), below the box. */
function pointer(text: string | undefined): string[] {
  if (text === undefined || (text !== '' && !text.startsWith('/'))) throw rejected();
  const tokens = text.split('/').slice(1);
  return ['root', ...tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))];
}

function parentOf(box: { root: Json }, path: readonly string[]): Json {
  return path.length === 1 ? box : read(box, path.slice(0, -1));
}

function read(box: { root: Json }, path: readonly string[]): Json {
  let here: Json = box;
  for (const token of path) {
    const next: Json | undefined = Array.isArray(here)
      ? here[index(token, here.length)]
      : isObject(here) && Object.hasOwn(here, token)
        ? here[token]
        : undefined;
    if (next === undefined) throw rejected();
    here = next;
  }
  return here;
}

function insert(box: { root: Json }, path: readonly string[], value: Json): void {
  const parent = parentOf(box, path);
  const token = path.at(-1) ?? '';
  if (Array.isArray(parent)) {
    const position = token === '-' ? parent.length : index(token, parent.length + 1);
    parent.splice(position, 0, value);
  } else if (isObject(parent)) parent[token] = value;
  else throw rejected();
}

/** Unlike RFC 6902, and like the real server, a member that is not there may be replaced. */
function replace(box: { root: Json }, path: readonly string[], value: Json): void {
  const parent = parentOf(box, path);
  if (Array.isArray(parent)) remove(box, path);
  insert(box, path, value);
}

function remove(box: { root: Json }, path: readonly string[]): Json {
  const removed = read(box, path);
  const parent = parentOf(box, path);
  const token = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(index(token, parent.length), 1);
  else if (isObject(parent)) delete parent[token];
  return removed;
}

function index(token: string, below: number): number {
  const position = /^(0|[1-9]\d*)$/.test(token) ? Number(token) : Number.NaN;
  if (!(position < below)) throw rejected();
  return position;
}
