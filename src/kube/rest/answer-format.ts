import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { textOf } from '../../model/fault.ts';
import { ApiError } from '../errors.ts';
import { PROTOBUF } from '../protobuf/envelope.ts';
import { MalformedMessage } from '../protobuf/wire.ts';

/** What a call asks for: JSON too, where the server, or what stands before it, has no protobuf of the kind. */
export const ACCEPT = { json: 'application/json', protobuf: `${PROTOBUF}, application/json` } as const;

/** Something that a server has begun to answer, for messages. */
export interface Answered {
  /** Method and path. */
  readonly call: string;
  readonly code: number;
}

export const answered = (call: string, { statusCode: code = 0 }: IncomingMessage): Answered => ({ call, code });

/** Of an answer, without its parameters; empty when it says none. */
const contentType = ({ 'content-type': type = '' }: IncomingHttpHeaders): string =>
  (type.split(';')[0] ?? '').trim().toLowerCase();

export const isProtobuf = (headers: IncomingHttpHeaders): boolean => contentType(headers) === PROTOBUF;

/**
 * In which of the two forms an answer is; without a type it counts as JSON. Throws ApiError for any other, since
 * something that is no API server has answered then, and for protobuf that was not asked for.
 */
export function formatOf(to: Answered, headers: IncomingHttpHeaders, isAskedForProtobuf: boolean): 'protobuf' | 'json' {
  const type = contentType(headers);
  if (type === 'application/json' || type === '') return 'json';
  if (type === PROTOBUF && isAskedForProtobuf) return 'protobuf';
  throw badAnswer(to, `the answer is ${type}, which was not asked for: look at what stands before the API server`);
}

export const badAnswer = ({ call, code }: Answered, problem: string, cause?: unknown): ApiError =>
  new ApiError({ code, reason: 'BadAnswer', message: `${call}: ${problem}` }, { cause });

/** What `parse` makes of a text; throws ApiError with its beginning where that is no JSON. */
export function fromJson<T>(to: Answered, text: string, parse: (text: string) => T = JSON.parse): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw badAnswer(to, `the answer is not JSON: ${text.slice(0, 100)}`, error);
    throw error;
  }
}

/** What `read` makes of protobuf; throws ApiError where it is malformed. */
export function fromProtobuf<T>(to: Answered, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedMessage) throw badAnswer(to, `the answer cannot be read: ${textOf(error)}`, error);
    throw error;
  }
}
