import type { IncomingHttpHeaders } from 'node:http';
import { present } from '../../model/present.ts';
import { ApiError } from '../errors.ts';
import { decode } from '../protobuf/decode.ts';
import { openEnvelope } from '../protobuf/envelope.ts';
import { message, one, text, whole, type Message } from '../protobuf/schema.ts';
import { isProtobuf } from './answer-format.ts';

/** metav1.Status, as far as we read it: the body of an error answer, and the object of a watch's ERROR event. */
export interface Status {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

export const STATUS: Message<Status> = message<Status>({
  message: text(3),
  reason: text(4),
  details: one(5, message<NonNullable<Status['details']>>({ retryAfterSeconds: whole(5) })),
  code: whole(6),
});

/** Of https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go, where none is told. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'BadAnswer',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** What the API server says about an object, and never without a Status: else something before it has answered. */
const OF_OBJECTS = [400, 404, 409, 422];

const MESSAGE_CHARS = 300;

/** The error that an answer with a failing status code means. `call` is its method and path. */
export function errorFromAnswer(call: string, code: number, headers: IncomingHttpHeaders, body: Buffer): ApiError {
  const told = isProtobuf(headers) ? decodeStatus(body) : parseStatus(String(body));
  const status = told ?? { message: textIn(body), ...present({ reason: reasonWithoutStatus(code, body) }) };
  return errorFromStatus(call, { ...status, code }, retryAfterMs(headers['retry-after']));
}

function reasonWithoutStatus(code: number, body: Buffer): string | undefined {
  if (isOfRouter(code, body)) return 'NoSuchPath';
  return OF_OBJECTS.includes(code) ? 'BadAnswer' : undefined;
}

/** The error that a Status means. */
export function errorFromStatus(call: string, status: Status, headerRetryAfterMs?: number): ApiError {
  const { code = 500, details } = status;
  const reason = status.reason || REASONS[code] || 'Unknown';
  const asked = details?.retryAfterSeconds;
  const retryAfterMs = headerRetryAfterMs ?? (asked === undefined ? undefined : asked * 1000);
  return new ApiError({
    code,
    reason,
    message: `${call}: ${status.message || reason}`,
    ...present({ retryAfterMs }),
  });
}

/** In these words the API server says that it does not know the kind, and others that they know no such path. */
const isOfRouter = (code: number, body: Buffer): boolean => code === 404 && textIn(body) === '404 page not found';

const textIn = (body: Buffer): string => String(body).trim().slice(0, MESSAGE_CHARS);

function decodeStatus(body: Buffer): Status | undefined {
  try {
    const { kind, bytes, start, end } = openEnvelope(body);
    return kind === 'Status' ? decode(STATUS, bytes, start, end) : undefined;
  } catch {
    return undefined;
  }
}

function parseStatus(body: string): Status | undefined {
  try {
    const value = JSON.parse(body) as Status | null;
    return value?.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds or an HTTP date, RFC 9110 §10.2.3. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
