import { createHash } from 'node:crypto';
import { Denied } from './denied.ts';
import type { Page } from './wire.ts';

/** What is asked of a list. */
export interface ListAsk {
  /** A part of a name, in lower case; empty for all. */
  readonly search: string;
  /** The key of the last row that was given before; absent: from the first. */
  readonly after?: string;
  /** From 1 to MAX_ROWS. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface Listed<R> {
  readonly rows: readonly R[];
  /** The key of the last row; present while there are more. */
  readonly last?: string;
  readonly all: number;
}

export const MAX_ROWS = 100;
/** A name of Kubernetes has at most 253, and one with its namespace some more. */
const MAX_SEARCH = 320;
const MAX_TOKEN = 2000;

export const searchOf = (query: URLSearchParams, name = 'search'): string =>
  (query.get(name) ?? '').trim().toLowerCase().slice(0, MAX_SEARCH);

/**
 * Reads `search`, `limit` and `continue`. Throws Denied 400 for a `continue` of another list or search. `filters` are
 * what else narrows the list.
 */
export function listAskOf(path: string, query: URLSearchParams, signal: AbortSignal, ...filters: string[]): ListAsk {
  const search = searchOf(query);
  const limit = query.get('limit') ?? String(MAX_ROWS);
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MAX_ROWS)
    throw new Denied(400, `limit must be a whole number from 1 to ${MAX_ROWS}`);
  const token = query.get('continue');
  const after = token ? keyIn(token, listOf(path, search, filters)) : undefined;
  return { search, limit: Number(limit), signal, ...(after !== undefined && { after }) };
}

/** The answer to `ask`, with what to give back for the next rows. */
export function pageOf<R>({ rows, last, all }: Listed<R>, path: string, ask: ListAsk, ...filters: string[]): Page<R> {
  if (last === undefined) return { rows, all };
  const token = JSON.stringify([listOf(path, ask.search, filters), last]);
  return { rows, all, continue: Buffer.from(token).toString('base64url') };
}

/** Says that a token is of one list and one search. It guards against mistakes: whoever forges one gets other rows. */
const listOf = (path: string, search: string, filters: readonly string[]): string =>
  createHash('sha256')
    .update(JSON.stringify([path, search, filters]))
    .digest('base64url')
    .slice(0, 12);

function keyIn(token: string, list: string): string {
  const [of, key] = parsed(token);
  if (of !== list || typeof key !== 'string')
    throw new Denied(400, 'this continue is not of this list and search: begin at the first page');
  return key;
}

function parsed(token: string): readonly unknown[] {
  if (token.length > MAX_TOKEN) return [];
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
