import { ApiError } from './errors.ts';
import { Fault, type FaultKind } from '../model/fault.ts';

/** Refusals that are final: the same call, repeated, would be refused again. */
const KINDS: Readonly<Record<number, FaultKind>> = {
  400: 'invalid',
  404: 'not-found',
  409: 'conflict',
  422: 'invalid',
};

/** Whether the API server may have done what it was asked, although it did not say so. */
export const isUncertain = (error: unknown): boolean =>
  !(error instanceof ApiError) || error.code === 0 || error.code === 408 || error.code >= 500;

/** It says nothing of the object. */
const isOfOthers = ({ reason }: ApiError): boolean => ['NoSuchPath', 'BadAnswer'].includes(reason);

/** A write with `fieldValidation=Strict` was refused so. */
const UNKNOWN_FIELD = /unknown field "[^"]*"/;
const MEND = 'apply crds/ of this version, or helm upgrade; open-local doctor tells what it lacks';

/**
 * A failed write as a Fault that says what was being done: `aborted` when it may have been done all the same,
 * `unavailable` when it was not done and may be tried again, else what the API server means.
 */
export function faultOfWrite(doing: string, error: unknown): Fault {
  const text = error instanceof Error ? error.message : String(error);
  if (isUncertain(error))
    return new Fault('aborted', `${doing}: it is not known whether it was done: ${text}`, { cause: error });
  const kind = (error instanceof ApiError && !isOfOthers(error) && KINDS[error.code]) || 'unavailable';
  const field = UNKNOWN_FIELD.exec(text)?.[0];
  if (field !== undefined)
    return new Fault(kind, `${doing}: ${field}: the definition in the cluster is older than this program; ${MEND}`, {
      cause: error,
    });
  return new Fault(kind, `${doing}: ${text}`, { cause: error });
}
