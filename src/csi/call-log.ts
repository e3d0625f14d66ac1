import type { Log } from '../model/log.ts';
import { Fault } from '../model/fault.ts';

/** How one call ended. */
export interface CallReport {
  /** `CreateVolume`. */
  readonly method: string;
  /** `OK`, `RESOURCE_EXHAUSTED`, … */
  readonly code: string;
  readonly ms: number;
}

/** Calls that change nothing and come all the time: the sidecars' and the kubelet's look around. */
const READS = /^(Probe|Get|List|Validate|ControllerGet|ControllerList|GroupControllerGet|NodeGet)/;

export const onlyReads = (method: string): boolean => READS.test(method);

/**
 * One line for each call: method, what it was about, how long it took, and how it ended. Calls that change something
 * and refusals are told, what only reads is for debugging. Nothing of a request but names goes into it: a request may
 * carry secrets.
 */
export function logCall(log: Log, call: CallReport, request: unknown, error?: unknown): void {
  const subject = subjectOf(request);
  const fields = { ...call, ...(subject === undefined ? {} : { volume: subject }) };
  if (error === undefined) log[onlyReads(call.method) ? 'debug' : 'info'](fields, 'call done');
  else if (error instanceof Fault) log.info({ ...fields, err: withoutSecrets(error.message, request) }, 'call refused');
  else log.error({ ...fields, err: concealed(error, request) }, 'call failed');
}

/** The fields that say what a call is about, the most exact first. */
const SUBJECTS = ['volumeId', 'snapshotId', 'groupSnapshotId', 'name'] as const;

/** The name of what a call is about; undefined where it names nothing. */
export function subjectOf(request: unknown): string | undefined {
  const fields = (request ?? {}) as Readonly<Record<string, unknown>>;
  return SUBJECTS.map((field) => fields[field]).find((value): value is string => typeof value === 'string' && !!value);
}

/** Shorter texts stand in many words by chance; nobody is kept out by so short a secret anyway. */
const LEAST_CHARS = 4;
const HIDDEN = '(secret)';

/**
 * The text with every secret of the request taken out of it. No message of ours has one; this is for those that are
 * made of what another program says.
 */
export function withoutSecrets(text: string, request: unknown): string {
  return Object.values(secretsOf(request))
    .filter((secret) => secret.length >= LEAST_CHARS)
    .reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}

/** In every message of CSI they are in a field of this name. */
const secretsOf = (request: unknown): Readonly<Record<string, string>> =>
  ((request ?? {}) as { readonly secrets?: Readonly<Record<string, string>> }).secrets ?? {};

const hasSecrets = (request: unknown): boolean => Object.keys(secretsOf(request)).length > 0;

function concealed(error: unknown, request: unknown): unknown {
  if (!(error instanceof Error)) return withoutSecrets(String(error), request);
  if (!hasSecrets(request)) return error; // with its causes, which a copy has not
  const shown = new Error(withoutSecrets(error.message, request));
  const stack = withoutSecrets(error.stack ?? '', request);
  Object.defineProperties(shown, { name: { value: error.name }, stack: { value: stack } });
  return shown;
}
