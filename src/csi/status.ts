import { status as Code, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { Fault, type FaultKind } from '../model/fault.ts';

export { Code };

/**
 * Which codes a caller retries, gives back to the scheduler or reports is the CSI specification's error scheme and the
 * sidecars'.
 */
const CODES: Record<FaultKind, Code> = {
  invalid: Code.INVALID_ARGUMENT,
  'not-found': Code.NOT_FOUND,
  conflict: Code.ALREADY_EXISTS,
  exhausted: Code.RESOURCE_EXHAUSTED,
  'out-of-range': Code.OUT_OF_RANGE,
  precondition: Code.FAILED_PRECONDITION,
  aborted: Code.ABORTED,
  unavailable: Code.UNAVAILABLE,
  unimplemented: Code.UNIMPLEMENTED,
};

/** The one place where a gRPC status is chosen. An unknown throw is our bug: its text stays in the log. */
export function toStatus(error: unknown): Pick<StatusObject, 'code' | 'details'> {
  return error instanceof Fault
    ? { code: CODES[error.kind], details: error.message }
    : { code: Code.INTERNAL, details: 'internal error: see the log of the driver' };
}

/** `RESOURCE_EXHAUSTED`, for people and metrics. */
export const nameOfCode = (code: Code): string => Code[code] ?? String(code);

/** The code a call failed with; undefined when it was not the server that said so. */
export function codeOf(error: unknown): Code | undefined {
  const { code } = (error ?? {}) as Partial<ServiceError>;
  return typeof code === 'number' ? code : undefined;
}
