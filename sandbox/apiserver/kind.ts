import type { Stored } from './json.ts';
import type { Cause, Subject } from './failure.ts';
import type { Schema } from './schema.ts';

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
  readonly format?: string;
  readonly description?: string;
}

/** What is peculiar to one kind. All optional; the defaults are those of a plain object without status. */
export interface KindRules {
  /** Fills in, on every write, what was left out. */
  readonly defaults?: (object: Stored) => void;
  /** Sets what a new object starts with, whatever was sent. */
  readonly prepareCreate?: (object: Stored) => void;
  readonly validate?: (object: Stored) => Cause[];
  /** Refuses changes of what is immutable. */
  readonly validateUpdate?: (object: Stored, old: Stored) => Cause[];
  /**
   * Why an update is forbidden in the light of other objects, found by the id of their kind and their key; empty when
   * it is not.
   */
  readonly admitUpdate?: (object: Stored, old: Stored, find: (id: string, key: string) => Stored | undefined) => string;
  /** Seconds an object stays after delete, for its user to finish; 0 or absent when it goes at once. */
  readonly graceSeconds?: (object: Stored) => number;
}

/** Fields of an object: the replicas that it wants and has, and the selector of their pods. */
export interface ScalePaths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  readonly selector?: readonly string[];
}

/** One kind of object as one version of the API serves it. */
export interface Kind extends Subject {
  readonly version: string;
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Defined by a CustomResourceDefinition. */
  readonly custom: boolean;
  /** Whether status is a subresource: then main writes leave status alone, and status writes the rest. */
  readonly status: boolean;
  /** Whether metadata.generation counts changes of what is wanted. */
  readonly generation: boolean;
  /** Whether an update may come without a resourceVersion. */
  readonly unconditionalUpdate: boolean;
  /** Whether PUT may create. */
  readonly createOnUpdate: boolean;
  /** Whether delete answers with the object rather than with a Status. */
  readonly returnsDeleted: boolean;
  /** Fields it can be selected by besides metadata.name and metadata.namespace. */
  readonly selectable: readonly string[];
  readonly columns: readonly Column[];
  /** Of custom kinds: enforced. Of the others: only how lists merge. */
  readonly schema: Schema;
  readonly rules: KindRules;
  /** Of a kind that is never stored: what a POST is answered; `all` has the objects of other kinds by their id. */
  readonly answer?: (sent: Stored, all: (id: string) => readonly Stored[]) => Stored;
  /** Of what has a subresource `scale`. */
  readonly scale?: ScalePaths;
  /** For a second face of another kind's objects: which, and how to turn one into the other. */
  readonly faceOf?: {
    readonly id: string;
    readonly toStored: (object: Stored) => Stored;
    readonly fromStored: (object: Stored) => Stored;
  };
}

/** `v1` or `group/version`. */
export const apiVersionOf = (kind: { readonly group: string; readonly version: string }): string =>
  kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;

/** Names a kind across versions: `plural.group`. */
export const idOf = (kind: { readonly group: string; readonly plural: string }): string =>
  `${kind.plural}.${kind.group}`;
