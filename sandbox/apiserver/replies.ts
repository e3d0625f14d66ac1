import type { ServerResponse } from 'node:http';
import { ApiFailure, statusOf } from './failure.ts';

/** Sends `body` whole, with its length. */
export function send(response: ServerResponse, code: number, body: Buffer | string, type = 'application/json'): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export const sendJson = (response: ServerResponse, code: number, body: unknown): void =>
  send(response, code, JSON.stringify(body));

/** Sends a refusal as a Status object. Anything else that was thrown is a bug of this server: 500 with its text. */
export function sendFailure(response: ServerResponse, error: unknown): void {
  const failure =
    error instanceof ApiFailure
      ? error
      : new ApiFailure(500, 'InternalError', `Internal error occurred: ${String(error)}`);
  const seconds = failure.details?.retryAfterSeconds;
  if (seconds !== undefined) response.setHeader('retry-after', seconds);
  // What is left of a body that was too long would be read as the next request.
  if (failure.code === 413) response.setHeader('connection', 'close');
  sendJson(response, failure.code, statusOf(failure));
}
