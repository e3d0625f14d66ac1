import type { Json } from './json.ts';
import type { Kind } from './kind.ts';
import type { Version } from './version.ts';

/** One object to be written: where it is, and how the request asked for it. */
export interface Target {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: '' | 'status';
  readonly manager: string;
  readonly dryRun: boolean;
  /** What is done about unknown fields besides dropping them. */
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
}

export interface Written {
  readonly version: Version;
  readonly created: boolean;
  /** Paths of fields that were dropped because the schema does not know them. */
  readonly unknown: readonly string[];
}

/** A patch by RFC 7396 (merge), RFC 6902 (json) or Kubernetes' own rules for lists (strategic). */
export interface PlainPatch {
  readonly type: 'merge' | 'json' | 'strategic';
  readonly body: Json;
}

export interface ApplyPatch {
  readonly type: 'apply';
  readonly body: Json;
  /** Takes fields from their owners. */
  readonly force: boolean;
}

export type PatchBody = PlainPatch | ApplyPatch;
