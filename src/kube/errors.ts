import { present } from '../model/present.ts';

/** An error answer of the API server, or none at all (code 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  /**
   * `reason` of the Status object: NotFound, AlreadyExists, Conflict, Invalid, Expired, Forbidden, TooManyRequests and
   * others. Of a 400, 404, 409 or 422 without such an object: NoSuchPath (of a 404), or BadAnswer.
   */
  readonly reason: string;
  /** The server asked to wait so long, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: {
      readonly code: number;
      readonly reason: string;
      readonly message: string;
      readonly retryAfterMs?: number;
    },
    options?: ErrorOptions,
  ) {
    super(failure.message, options);
    this.code = failure.code;
    this.reason = failure.reason;
    this.retryAfterMs = failure.retryAfterMs;
  }
}

/** What an ERROR event of a watch says: the server took the watch, and cannot tell what comes after its version. */
export class WatchEventError extends ApiError {
  constructor({ code, reason, message, retryAfterMs }: ApiError) {
    super({ code, reason, message, ...present({ retryAfterMs }) });
  }
}

const has = (error: unknown, code: number, reason: string): boolean =>
  error instanceof ApiError && error.code === code && (reason === '' || error.reason === reason);

export const isForbidden = (error: unknown): boolean => has(error, 403, '');
/**
 * The API server says that there is no such object, in its own words: a 404 of whatever is before it, or of a server
 * that is starting, says nothing of the object.
 */
export const isNotFound = (error: unknown): boolean => has(error, 404, 'NotFound');
/** Of a list: the server does not know the kind, in its own words or those of its router. */
export const isNoSuchKind = (error: unknown): boolean => isNotFound(error) || has(error, 404, 'NoSuchPath');
export const isConflict = (error: unknown): boolean => has(error, 409, 'Conflict');
export const isAlreadyExists = (error: unknown): boolean => has(error, 409, 'AlreadyExists');
/** The resource version is too old: list again. */
export const isGone = (error: unknown): boolean => has(error, 410, '');
