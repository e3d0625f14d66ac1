/**
 * Schemas of protobuf messages, of only those fields that their reader wants: all others are skipped by their length.
 * An object that is read by one has the shape that its JSON has. Numbers of fields:
 * https://github.com/kubernetes/api/blob/master/core/v1/generated.proto, and the same file of each other package.
 */

/** How a field is written, and what becomes of it. */
export type Kind =
  /** Not there when empty, as Go's `omitempty`. */
  | 'text'
  /** There even when empty. */
  | 'requiredText'
  | 'texts'
  | 'flag'
  /** Of 32 or 64 bits; inexact beyond 2^53, as JSON.parse has it. */
  | 'whole'
  /** RFC 3339, whole seconds. */
  | 'time'
  | 'textMap'
  /** A map of resource.Quantity, each as its text. */
  | 'quantityMap'
  | 'message'
  | 'messages'
  /** A struct that Go embeds: JSON has its fields one level up. */
  | 'embedded';

/** A field whose JSON is a `V`. */
export interface Field<V = unknown> {
  readonly number: number;
  readonly kind: Kind;
  /** Of a message, or of each one of several. */
  readonly message?: Message;
  /** Carries the type for the compiler; never present at run time. */
  readonly valueType?: V;
}

export interface NamedField extends Field {
  readonly name: string;
}

/** A message whose JSON is a `T`. */
export interface Message<T = unknown> {
  /** By number. */
  readonly fields: readonly (NamedField | undefined)[];
  /** Carries the type for the compiler; never present at run time. */
  readonly objectType?: T;
}

/** The type of a field's JSON, without the enumeration of its words. */
type Wide<V> = V extends string ? string : V extends number ? number : V extends boolean ? boolean : V;

export type Fields<T> = { readonly [K in keyof T]?: Field<Wide<NonNullable<T[K]>>> };

/** A message with these fields, and with those of structs that Go embeds in it, by the number of each struct. */
export function message<T extends object>(
  fields: Fields<T>,
  embedded: Readonly<Record<number, Message<Partial<T>>>> = {},
): Message<T> {
  const named = Object.entries<Field | undefined>(fields).flatMap(([name, field]) =>
    field ? [{ ...field, name }] : [],
  );
  const structs = Object.entries(embedded).map(([number, struct]) => ({
    ...({ name: '', kind: 'embedded', number: Number(number), message: struct } as const),
  }));
  const all: NamedField[] = [...named, ...structs];
  const last = Math.max(0, ...all.map(({ number }) => number));
  return { fields: Array.from({ length: last + 1 }, (_, number) => all.find((field) => field.number === number)) };
}

export const text = (number: number): Field<string> => ({ number, kind: 'text' });
export const requiredText = (number: number): Field<string> => ({ number, kind: 'requiredText' });
export const texts = (number: number): Field<string[]> => ({ number, kind: 'texts' });
export const flag = (number: number): Field<boolean> => ({ number, kind: 'flag' });
export const whole = (number: number): Field<number> => ({ number, kind: 'whole' });
export const time = (number: number): Field<string> => ({ number, kind: 'time' });
export const textMap = (number: number): Field<Record<string, string>> => ({ number, kind: 'textMap' });
export const quantityMap = (number: number): Field<Record<string, string>> => ({ number, kind: 'quantityMap' });
export const one = <T>(number: number, of: Message<T>): Field<T> => ({ number, kind: 'message', message: of });
export const many = <T>(number: number, of: Message<T>): Field<T[]> => ({ number, kind: 'messages', message: of });
