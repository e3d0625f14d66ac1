import { inAlphabet, inStructOrder } from './field-order.ts';
import { BUILT_IN_GROUPS } from './groups.ts';
import type { Stored } from './json.ts';
import type { Owners } from './owners.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One state of one object. Never changed; its JSON is made once, however many lists and watches send it. */
export class Version {
  /** `namespace/name`; `/name` for what has no namespace. */
  readonly key: string;
  readonly revision: number;
  readonly object: Stored;
  /** Who applied or wrote which fields, for server-side apply. */
  readonly owners: Owners;
  /** The line a watch sends, which has the JSON inside. */
  #line: Buffer | undefined;
  #type: EventType = 'MODIFIED';

  constructor(state: { key: string; revision: number; object: Stored; owners: Owners }) {
    this.key = state.key;
    this.revision = state.revision;
    this.object = state.object;
    this.owners = state.owners;
  }

  get json(): Buffer {
    return this.line(this.#type).subarray(opening(this.#type).length, -CLOSING.length);
  }

  /** The JSON after `{` without apiVersion and kind, which lists of built-in kinds leave out of their items. */
  get bare(): Buffer {
    const { apiVersion = '', kind = '' } = this.object;
    return this.json.subarray(Buffer.byteLength(JSON.stringify({ kind, apiVersion })));
  }

  /** This state as an event of a watch, ended by a newline. */
  line(type: EventType): Buffer {
    if (this.#line === undefined || type !== this.#type) {
      this.#line = Buffer.from(`${opening(type)}${JSON.stringify(written(this.object))}${CLOSING}`);
      this.#type = type;
    }
    return this.#line;
  }
}

/** With its fields as a real server orders them; the type first, so that `bare` can leave it out. */
function written({ apiVersion = '', kind = '', ...rest }: Stored): object {
  return isBuiltIn(apiVersion)
    ? { kind, apiVersion, ...inStructOrder(kind, rest) }
    : (inAlphabet({ apiVersion, kind, ...rest }) as object);
}

const isBuiltIn = (apiVersion: string): boolean => GROUPS.has(apiVersion.replace(/\/?[^/]*$/, ''));
const GROUPS: ReadonlySet<string> = new Set(BUILT_IN_GROUPS);

const opening = (type: EventType): string => `{"type":"${type}","object":`;
const CLOSING = '}\n';

export const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;
