import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { textOf } from '../../model/fault.ts';
import type { ClusterAccess, Identity } from '../access/access.ts';
import { withDeadline } from '../../wait/deadline.ts';
import { ApiError } from '../errors.ts';
import { ACCEPT, answered, fromJson } from './answer-format.ts';
import { errorFromAnswer } from './status.ts';
import { createTransport, type Outgoing } from './transport.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** With the leading `?`, or empty. */
  readonly query?: string;
  readonly body?: unknown;
  /** Of the body; absent: application/json. */
  readonly contentType?: string;
  /** The content types that the answer may have; absent: application/json. */
  readonly accept?: string;
}

export interface RestOptions {
  /** Shows in the server's audit log and as field manager, up to the first `/`. */
  readonly userAgent: string;
  /** Ms for one call from start to the end of its answer; for a watch, to its start. Absent: 30,000. */
  readonly timeoutMs?: number;
  /** Told of the headers of every answer. */
  readonly onAnswer?: (headers: IncomingHttpHeaders) => void;
}

/** One exchange with the API server; every failure is an ApiError, or the signal's reason. */
export interface RestCaller {
  readonly timeoutMs: number;
  /** The answer's JSON. */
  json<T>(call: Call, signal: AbortSignal): Promise<T>;
  /** What `read` makes of the answer within the call's deadline; all that it throws becomes an ApiError. */
  read<T>(call: Call, signal: AbortSignal, read: (answer: IncomingMessage) => Promise<T>): Promise<T>;
  /** The answer with its body unread; no deadline. The signal ends the reading too. */
  open(call: Call, signal: AbortSignal): Promise<IncomingMessage>;
  close(): void;
}

const TIMEOUT_MS = 30_000;
/** Half of what V8 holds in one string. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * Makes each call once, with two exceptions: a call refused with 401 is made again with fresh credentials, and a read
 * that met the end of an idle connection is sent again (transport.ts). A refusal with 429 or 503 goes to the caller,
 * with the wait that the server asked for: the caller has a back-off of its own.
 */
export function createRestCaller(access: ClusterAccess, options: RestOptions): RestCaller {
  const { userAgent, timeoutMs = TIMEOUT_MS } = options;
  const transport = createTransport(access);

  const sendAs = (call: Call, identity: Identity, signal: AbortSignal): Promise<IncomingMessage> =>
    transport.send(outgoingOf(call, userAgent), identity, signal);

  const answerOf = async (call: Call, signal: AbortSignal): Promise<IncomingMessage> => {
    const identity = await identify(access, nameOf(call), signal);
    const answer = await sendAs(call, identity, signal);
    if (answer.statusCode !== 401) return answer;
    await bodyOf(answer);
    access.refused(identity);
    return sendAs(call, await identify(access, nameOf(call), signal), signal);
  };

  const open: RestCaller['open'] = async (call, signal) => {
    try {
      const answer = await answerOf(call, signal);
      const { statusCode: code = 0, headers } = answer;
      options.onAnswer?.(headers);
      if (code >= 200 && code < 300) return answer;
      throw errorFromAnswer(nameOf(call), code, headers, await bodyOf(answer));
    } catch (error) {
      throw asApiError(nameOf(call), error, signal);
    }
  };

  const read: RestCaller['read'] = (call, signal, read) =>
    withDeadline({ ms: timeoutMs, late: () => lateError(call, timeoutMs) }, signal, async (signal) => {
      const answer = await open(call, signal);
      try {
        return await read(answer);
      } catch (error) {
        answer.destroy();
        throw asApiError(nameOf(call), error, signal);
      }
    });

  return {
    timeoutMs,
    open,
    read,
    json: <T>(call: Call, signal: AbortSignal) =>
      read(call, signal, async (answer) => fromJson<T>(answered(nameOf(call), answer), await textOfBody(answer))),
    close: () => transport.close(),
  };
}

/** How a call is named in messages. */
export const nameOf = ({ method, path }: Call): string => `${method} ${path}`;

/** The failure of a call that was not answered in time. */
export const lateError = (call: Call, ms: number): ApiError =>
  new ApiError({ code: 0, reason: 'Timeout', message: `${nameOf(call)}: no answer within ${ms} ms` });

/** Any failure as what the caller is promised: the signal's reason when it was aborted, else an ApiError. */
export function asApiError(name: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof ApiError) return error;
  const message = `${name}: ${causeOf(error)}`;
  return new ApiError({ code: 0, reason: 'Unreachable', message }, { cause: error });
}

/** When both address families failed, the message is in the inner errors only. */
const causeOf = (error: unknown): string =>
  error instanceof AggregateError && error.message === '' ? error.errors.map(textOf).join(', ') : textOf(error);

async function identify(access: ClusterAccess, name: string, signal: AbortSignal): Promise<Identity> {
  try {
    return await access.identity(signal);
  } catch (error) {
    const message = `${name}: no credentials: ${textOf(error)}`;
    throw new ApiError({ code: 0, reason: 'NoCredentials', message }, { cause: error });
  }
}

function outgoingOf(
  { method, path, query = '', body, contentType, accept = ACCEPT.json }: Call,
  userAgent: string,
): Outgoing {
  const headers = { accept, 'user-agent': userAgent };
  if (body === undefined) return { method, path: path + query, headers };
  const text = JSON.stringify(body);
  return {
    method,
    path: path + query,
    headers: {
      ...headers,
      'content-type': contentType ?? 'application/json',
      'content-length': String(Buffer.byteLength(text)),
    },
    body: text,
  };
}

/** The text of a whole answer. */
export const textOfBody = async (answer: AsyncIterable<Buffer>): Promise<string> => String(await bodyOf(answer));

async function bodyOf(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
