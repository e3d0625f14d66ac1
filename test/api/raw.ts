import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import type { ClusterAccess } from '../../src/kube/access/access.ts';

export interface RawRequest {
  readonly method?: string;
  /** With its query. */
  readonly path: string;
  /** Text is sent as it is. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

export interface RawReply {
  readonly code: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** As the caller knows it to be. Throws for what is no JSON. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what it reads
  json<T>(): T;
}

/** One plain HTTP request, for what the client's interface is too narrow for. Rejects when nothing comes within ten seconds. */
export type Raw = (request: RawRequest) => Promise<RawReply>;

/** Requests with the identity that `access` gives, over connections of their own. */
export async function rawRequests(access: ClusterAccess): Promise<Raw> {
  const { ca, cert, key, token } = await access.identity(AbortSignal.timeout(10_000));
  const program = access.server.protocol === 'https:' ? https : http;
  return async ({ method = 'GET', path, body, type = 'application/json', accept }) => {
    const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const headers = {
      ...(accept === undefined ? {} : { accept }),
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
