import type { Endpoint } from './endpoint.ts';
import { formatEndpoint, parseEndpoint } from './endpoint.ts';
import type { Flag } from './flags.ts';
import { present } from '../model/present.ts';

interface Common {
  readonly doc: string;
  readonly aliases?: readonly string[];
  readonly short?: string;
  readonly env?: string;
}

type Fallback<T> = Flag<T>['fallback'];

function flag<T>(common: Common, placeholder: string, fallback: Fallback<T>, parse: (text: string) => T): Flag<T> {
  const { doc, aliases = [], short, env } = common;
  return { doc, placeholder, toggle: false, aliases, env, fallback, parse, ...present({ short }) };
}

/** Any text but the empty one; undefined when it is not given. */
export function optionalText(common: Common & { readonly placeholder: string }): Flag<string | undefined> {
  return flag<string | undefined>(common, common.placeholder, { value: undefined, shown: 'none' }, notEmpty);
}

/** Any text but the empty one; required unless there is a default. */
export function text(common: Common & { readonly placeholder: string; readonly default?: string }): Flag<string> {
  const fallback: Fallback<string> =
    common.default === undefined ? 'required' : { value: common.default, shown: common.default };
  return flag(common, common.placeholder, fallback, notEmpty);
}

/** `--name`, `--no-name`, `--name=false`. */
export function toggle(common: Common & { readonly default: boolean }): Flag<boolean> {
  const fallback = { value: common.default, shown: String(common.default) };
  return { ...flag(common, 'true|false', fallback, parseToggle), toggle: true };
}

/** Another program's flag, whatever its value; `instead` goes on from "has no meaning here:". */
export function bygone(instead: string, how: { readonly toggle?: true } = {}): Flag<undefined> {
  const made = flag<undefined>({ doc: instead }, 'TEXT', { value: undefined, shown: 'none' }, () => undefined);
  return { ...made, toggle: how.toggle ?? false, bygone: instead };
}

/** One of a few words. */
export function choice<const T extends string>(
  words: readonly T[],
  common: Common & { readonly default: NoInfer<T> },
): Flag<T> {
  return flag(common, words.join('|'), { value: common.default, shown: common.default }, (given) => {
    const word = words.find((word) => word === given);
    if (word === undefined) throw new Error(`"${given}" is unknown: use ${words.join(' or ')}`);
    return word;
  });
}

/** A whole number within bounds, for example of ms; `placeholder` says of what. */
export function wholeNumber(
  common: Common & {
    readonly placeholder: string;
    readonly default: number;
    readonly min: number;
    readonly max: number;
  },
): Flag<number> {
  const { min, max } = common;
  return flag(common, common.placeholder, { value: common.default, shown: String(common.default) }, (given) => {
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new Error(`"${given}" must be a whole number from ${min} to ${max}`);
  });
}

/** A length of time such as `500ms`, `90s`, `5m` or `1h`; a bare number is seconds. The value is in ms. */
export function duration(common: Common & { readonly default: string; readonly maxMs?: number }): Flag<number> {
  const parse = (given: string): number => parseDuration(given, common.maxMs ?? 7 * 24 * 3_600_000);
  return flag(common, 'DURATION', { value: parse(common.default), shown: common.default }, parse);
}

/** Words with commas between; none by default. */
export function list(common: Common & { readonly placeholder: string }): Flag<readonly string[]> {
  return flag<readonly string[]>(common, common.placeholder, { value: [], shown: 'none' }, (given) =>
    given
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  );
}

/** Where to listen: HOST:PORT or unix:///path. `none` turns it off (undefined). */
export function endpoint(common: Common & { readonly default?: string }): Flag<Endpoint | undefined> {
  const value = common.default === undefined ? undefined : parseEndpoint(common.default);
  const fallback = { value, shown: value === undefined ? 'none' : formatEndpoint(value) };
  return flag<Endpoint | undefined>(common, 'HOST:PORT|unix:///PATH', fallback, (given) =>
    given === 'none' ? undefined : parseEndpoint(given),
  );
}

/** A value of another shape; `parse` throws an Error that says what is wrong. */
export function custom<T>(
  common: Common & { readonly placeholder: string; readonly default: string; readonly parse: (text: string) => T },
): Flag<T> {
  const shown = common.default === '' ? 'none' : common.default;
  return flag(common, common.placeholder, { value: common.parse(common.default), shown }, common.parse);
}

function notEmpty(given: string): string {
  if (given === '') throw new Error('must not be empty');
  return given;
}

function parseToggle(given: string): boolean {
  if (given === 'true' || given === 'false') return given === 'true';
  throw new Error(`"${given}" must be true or false`);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseDuration(given: string, maxMs: number): number {
  const [, digits = '', unit = 's'] = /^(\d+)(ms|s|m|h)?$/.exec(given) ?? [];
  const ms = digits === '' ? Number.NaN : Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms <= maxMs) return ms;
  throw new Error(`"${given}" must be a length of time such as 500ms, 90s or 5m, at most ${maxMs / 3_600_000}h`);
}
