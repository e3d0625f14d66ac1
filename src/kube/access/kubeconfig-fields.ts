import { Fault } from '../../model/fault.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Reads the fields of one object of a file; every problem is a Fault `invalid` that names the file and the field. */
export interface FieldReader {
  /** The file that has the object. */
  readonly file: string;
  readonly where: string;
  text(name: string): string | undefined;
  requiredText(name: string): string;
  flag(name: string): boolean;
  texts(name: string): string[];
  /** The object in a field; undefined when absent. */
  object(name: string): FieldReader | undefined;
  objects(name: string): FieldReader[];
  /** The entries of an object in a field; empty when absent. */
  pairs(name: string): readonly (readonly [key: string, value: unknown])[];
  raw(name: string): unknown;
  fail(name: string, problem: string): never;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param where the path of the object in the file, empty for its root */
export function createFieldReader(file: string, value: unknown, where = ''): FieldReader {
  const fail = (name: string, problem: string): never => {
    const field = [where, name].filter((part) => part !== '').join('.');
    throw new Fault('invalid', `${file}: ${field === '' ? '' : `${field}: `}${problem}`);
  };
  if (!isObject(value)) return fail('', 'must be an object');

  const raw = (name: string): unknown => value[name] ?? undefined;
  const text = (name: string): string | undefined => {
    const found = raw(name);
    if (found === undefined || found === '') return undefined;
    return typeof found === 'string' ? found : fail(name, 'must be a string');
  };
  const list = (name: string): unknown[] => {
    const found = raw(name) ?? [];
    return Array.isArray(found) ? found : fail(name, 'must be a list');
  };
  const inner = (name: string): string => (where === '' ? name : `${where}.${name}`);

  return {
    file,
    where,
    raw,
    text,
    fail,
    requiredText: (name) => text(name) ?? fail(name, 'is missing'),
    flag: (name) => {
      const found = raw(name) ?? false;
      return typeof found === 'boolean' ? found : fail(name, 'must be true or false');
    },
    pairs: (name) => {
      const found = raw(name) ?? {};
      if (!isObject(found)) return fail(name, 'must be an object');
      return Object.entries(found);
    },
    texts: (name) =>
      list(name).map((item) => (typeof item === 'string' ? item : fail(name, 'must be a list of strings'))),
    object: (name) => (raw(name) === undefined ? undefined : createFieldReader(file, raw(name), inner(name))),
    objects: (name) => list(name).map((item, at) => createFieldReader(file, item, `${inner(name)}[${at}]`)),
  };
}
