import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { ApiFailure, badRequest } from './failure.ts';
import type { Json } from './json.ts';

/** As much as a real server reads, in bytes. */
export const BODY_LIMIT = 3 * 1024 * 1024;

/** The whole body. Throws 413 for one beyond BODY_LIMIT, after which the connection cannot be used again. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      throw new ApiFailure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_LIMIT}`);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** The media type without its parameters. */
export const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** Throws 415 with the types that would do. */
export function unsupported(accepted: readonly string[]): ApiFailure {
  const why = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiFailure(415, 'UnsupportedMediaType', why);
}

/** Parses JSON, or YAML where the type says so. Throws 400 for what cannot be read. */
export function parseBody(bytes: Buffer, type: string): Json {
  const text = bytes.toString();
  try {
    return (type.endsWith('yaml') ? parse(text) : JSON.parse(text)) as Json;
  } catch (error) {
    const excerpt = text === '' ? '<empty>' : text.slice(0, 200);
    throw badRequest(`the object provided is unrecognized: ${(error as Error).message} (${excerpt})`);
  }
}
