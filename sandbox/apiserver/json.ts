import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../src/model/objects.ts';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [field: string]: Json;
}

/** Any object of the API: what the server itself reads is typed, the rest is whatever JSON was sent. */
export type Stored = KubeObject & { [field: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A deep copy; `value` must be plain JSON. */
export const clone = <T>(value: T): T => structuredClone(value);

/** Deep equality that does not care for the order of keys. */
export const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);

/** The value at a path of field names, or undefined. */
export function at(value: unknown, path: readonly string[]): unknown {
  let here: unknown = value;
  for (const field of path) {
    if (!isObject(here)) return undefined;
    here = Object.hasOwn(here, field) ? here[field] : undefined;
  }
  return here;
}
