import { present } from '../../src/model/present.ts';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import type { ClusterAccess } from '../../src/kube/access/access.ts';

export interface RawRequest {
  readonly method?: string;
  /** Path with its query. */
  readonly path: string;
  /** Body; a string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

export interface RawReply {
  readonly code: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Parses the body into the type that the caller expects. Throws for what is no JSON. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what it reads
  json<T>(): T;
}

/**
 * Makes one plain HTTP request, for tests that the client's interface is too narrow for. Rejects after ten seconds
 * without an answer.
 */
export type Raw = (request: RawRequest) => Promise<RawReply>;

/** Requests with the identity that `access` gives, over connections of their own. */
export async function rawRequests(access: ClusterAccess): Promise<Raw> {
  const { ca, cert, key, token } = await access.identity(AbortSignal.timeout(10_000));
  const program = access.server.protocol === 'https:' ? https : http;
  return async ({ method = 'GET', path, body, type = 'application/json', accept }) => {
    const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const headers = {
      ...present({ accept }),
      ...(bytes === undefined ? {} : { 'content-type': type, 'content-length': bytes.length }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const options = { method, headers, ca, cert, key, agent: false, signal: AbortSignal.timeout(10_000) };
      const request = program.request(new URL(path, access.server), options, resolve);
      request.once('error', reject);
      request.end(bytes);
    });
    const reply = await text(response);
    return {
      code: response.statusCode ?? 0,
      headers: response.headers,
      text: reply,
      json: () => JSON.parse(reply) as never,
    };
  };
}
