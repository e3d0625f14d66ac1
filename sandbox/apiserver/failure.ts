import { present } from '../../src/model/present.ts';
/** One reason of a refusal, as in a Status object's `details.causes`. */
export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface FailureDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** What the server answers when it refuses: an HTTP status with a Status object. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: number;
  readonly reason: string;
  readonly details: FailureDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: FailureDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

/** The metav1.Status of a failure. */
export const statusOf = (failure: ApiFailure): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: failure.message,
  ...(failure.reason === '' ? {} : { reason: failure.reason }),
  ...present({ details: failure.details }),
  code: failure.code,
});

/** What a failure is about. In messages a group and its resource read as `localvolumes.csi.aliyun.com`. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

const qualified = (name: string, group: string): string => (group === '' ? name : `${name}.${group}`);
const resourceOf = (about: Subject): string => qualified(about.plural, about.group);
const detailsOf = (about: Subject, name: string, kind = about.plural): FailureDetails => ({
  ...(name === '' ? {} : { name }),
  ...(about.group === '' ? {} : { group: about.group }),
  kind,
});

export const notFound = (about: Subject, name: string): ApiFailure =>
  new ApiFailure(404, 'NotFound', `${resourceOf(about)} "${name}" not found`, detailsOf(about, name));

export const alreadyExists = (about: Subject, name: string): ApiFailure =>
  new ApiFailure(409, 'AlreadyExists', `${resourceOf(about)} "${name}" already exists`, detailsOf(about, name));

export const conflict = (about: Subject, name: string, why: string): ApiFailure =>
  new ApiFailure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(about)} "${name}": ${why}`,
    detailsOf(about, name),
  );

export const STALE = 'the object has been modified; please apply your changes to the latest version and try again';

export const badRequest = (message: string): ApiFailure => new ApiFailure(400, 'BadRequest', message);

export const forbidden = (about: Subject, name: string, why: string, causes?: readonly Cause[]): ApiFailure =>
  new ApiFailure(403, 'Forbidden', `${resourceOf(about)} "${name}" is forbidden: ${why}`, {
    ...detailsOf(about, name),
    ...present({ causes }),
  });

export const expired = (message: string): ApiFailure => new ApiFailure(410, 'Expired', message);

export const methodNotAllowed = (): ApiFailure =>
  new ApiFailure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** 422 with all that is wrong; the kind, not the resource, is named here. */
export function invalid(about: Subject, name: string, causes: readonly Cause[]): ApiFailure {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const message = `${qualified(about.kind, about.group)} "${name}" is invalid: ${text}`;
  return new ApiFailure(422, 'Invalid', message, { ...detailsOf(about, name, about.kind), causes });
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'null';

/** Kinds of causes, worded as Kubernetes words them (apimachinery, util/validation/field). */
export const wrong = {
  required: (field: string, why = ''): Cause => ({
    field,
    reason: 'FieldValueRequired',
    message: why === '' ? 'Required value' : `Required value: ${why}`,
  }),
  value: (field: string, value: unknown, why: string): Cause => ({
    field,
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${shown(value)}: ${why}`,
  }),
  type: (field: string, value: unknown, why: string): Cause => ({
    field,
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${shown(value)}: ${why}`,
  }),
  unsupported: (field: string, value: unknown, supported: readonly unknown[]): Cause => ({
    field,
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${shown(value)}: supported values: ${supported.map((one) => shown(one)).join(', ')}`,
  }),
  duplicate: (field: string, value: unknown): Cause => ({
    field,
    reason: 'FieldValueDuplicate',
    message: `Duplicate value: ${shown(value)}`,
  }),
  forbidden: (field: string, why: string): Cause => ({
    field,
    reason: 'FieldValueForbidden',
    message: `Forbidden: ${why}`,
  }),
  tooLong: (field: string, most: number): Cause => ({
    field,
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${most} bytes`,
  }),
  tooMany: (field: string, count: number, most: number): Cause => ({
    field,
    reason: 'FieldValueTooMany',
    message: `Too many: ${count}: must have at most ${most} items`,
  }),
};
