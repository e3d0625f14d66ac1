import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from '../../../src/kube/client.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { NODES } from '../../../src/kube/resource.ts';

/** One answered request, as the API server's audit log has it. */
export interface ApiRequest {
  readonly verb: string;
  /** User that made the request; `program` tells programs apart better. */
  readonly user: string;
  /** First word of the User-Agent, up to the slash. */
  readonly program: string;
  /** Resource such as `pods`, or with a subresource `pods/binding`; empty for a path that is no object's. */
  readonly resource: string;
  /** API group of the resource; empty for the core group. */
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status of the answer. */
  readonly code: number;
}

const FILE = 'audit.log';
const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  // RequestReceived is omitted, so that each request is there once; a watch is recorded when it begins.
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [{ level: 'Metadata' }],
};
const WRITTEN_WITHIN_MS = 30_000;

/** Writes the audit policy, and returns the flags of a kube-apiserver that runs in `dir`. */
export async function prepareAudit(dir: string): Promise<string[]> {
  await writeFile(path.join(dir, 'audit-policy.json'), JSON.stringify(POLICY));
  return ['--audit-policy-file', 'audit-policy.json', '--audit-log-path', FILE];
}

/** Position in the audit log. Only `mark` makes one. */
export interface Mark {
  readonly name: string;
}

let marks = 0;

/** Waits until the log has every request that was answered before, and marks the position. Throws when time is up. */
export async function mark(dir: string, client: Pick<KubeClient, 'get'>, signal: AbortSignal): Promise<Mark> {
  marks += 1;
  const name = `audit-mark-${marks}`;
  await client.get(NODES, { name }, signal).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  const deadline = performance.now() + WRITTEN_WITHIN_MS;
  while (!(await readFile(path.join(dir, FILE), 'utf8')).includes(`"${name}"`)) {
    if (performance.now() > deadline) throw new Error(`the audit log in ${dir} did not reach ${name} in time`);
    await delay(50, undefined, { signal });
  }
  return { name };
}

/**
 * Reads the requests between two marks, or all before the second one. Throws when the log lacks a mark, or has them the
 * other way round. A watch is there once it has ended.
 */
export async function readRequests(dir: string, from: Mark | undefined, to: Mark): Promise<ApiRequest[]> {
  const lines = (await readFile(path.join(dir, FILE), 'utf8')).split('\n');
  const at = ({ name }: Mark): number => {
    const found = lines.findIndex((line) => line.includes(`"${name}"`));
    if (found < 0) throw new Error(`the audit log in ${dir} has no ${name}`);
    return found;
  };
  const first = from === undefined ? -1 : at(from);
  if (from && first >= at(to)) throw new Error(`the audit log in ${dir} has ${to.name} before ${from.name}`);
  return lines.slice(first + 1, at(to)).map(parseAuditLine);
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/**
 * Reads one line of the log, an audit.k8s.io/v1 Event.
 * https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/
 */
export function parseAuditLine(line: string): ApiRequest {
  const { verb, user, userAgent = '', objectRef = {}, responseStatus } = JSON.parse(line) as AuditEvent;
  const { resource = '', subresource, apiGroup: group = '', namespace = '', name = '' } = objectRef;
  return {
    verb,
    user: user.username,
    program: userAgent.split(/[/ ]/, 1)[0] ?? '',
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    group,
    namespace,
    name,
    code: responseStatus?.code ?? 0,
  };
}

/** Counts requests by `verb resource`, the most frequent first. */
export function countByKind(requests: readonly Pick<ApiRequest, 'verb' | 'resource'>[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { verb, resource } of requests) {
    const kind = `${verb} ${resource}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].toSorted(([a, m], [b, n]) => n - m || a.localeCompare(b)));
}
