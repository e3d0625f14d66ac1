import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { createOneLookup } from '../wait/one-lookup.ts';

/** What a collector said. */
export interface Answer {
  readonly status: number;
  /** Empty where it is too long to be one. */
  readonly body: string;
}

/** Sends JSON to one URL over a connection that is kept. */
export interface Poster {
  /** Rejects with Node's own errors, and with the signal's reason. */
  post(body: string, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

const MAX_ANSWER_BYTES = 64 * 1024;

export function createPoster(url: URL, lookup = createOneLookup()): Poster {
  const { request, Agent } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, lookup });
  return {
    post: async (body, signal) => {
      const answered = Promise.withResolvers<http.IncomingMessage>();
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const call = request(url, { method: 'POST', agent, headers, signal });
      call.once('response', answered.resolve);
      call.on('error', answered.reject); // also after the answer, when nobody waits any more
      call.end(body);
      const response = await answered.promise;
      const status = response.statusCode ?? 0;
      if (Number(response.headers['content-length'] ?? 0) <= MAX_ANSWER_BYTES)
        return { status, body: await text(response) };
      response.destroy();
      return { status, body: '' };
    },
    close: () => agent.destroy(),
  };
}
