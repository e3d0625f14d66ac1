import { bytes, type Bytes } from './bytes.ts';
import { Fault } from './fault.ts';

const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['k', 'M', 'G', 'T', 'P', 'E'];
const QUANTITY = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

/**
 * Reads a Kubernetes quantity such as `10Gi`, `1.5G`, `1e9` or `500m` as bytes, a fraction of a byte rounded up as
 * Kubernetes does. Throws Fault `invalid` naming the text when it is malformed or negative, and `out-of-range` from 8
 * PiB on. Syntax: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseQuantity(text: string): Bytes {
  const { numerator, divisor } = ratioOf(text);
  return bounded(text, (numerator + divisor - 1n) / divisor);
}

/**
 * Reads a quantity that must be a whole number: one with a fraction, such as `10m` (milli), is nearly always a slip.
 * Throws Fault `invalid` that names what was probably meant, and `out-of-range`.
 */
export function parseWholeQuantity(text: string): Bytes {
  const { numerator, divisor } = ratioOf(text);
  if (numerator % divisor === 0n) return bounded(text, numerator / divisor);
  throw new Fault('invalid', `"${text}" is not a whole number${suggestionFor(text)}`);
}

function bounded(text: string, value: bigint): Bytes {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Fault('out-of-range', `"${text}" is 8 PiB or more`);
  return bytes(value);
}

/** The exact value as a fraction. */
function ratioOf(text: string): { readonly numerator: bigint; readonly divisor: bigint } {
  const match = QUANTITY.exec(text.trim());
  if (!match) throw new Fault('invalid', `"${text}" is not a quantity such as 10Gi${suggestionFor(text)}`);
  const [, digits = '0', suffix = '', exponent] = match;

  const [whole = '', fraction = ''] = digits.split('.');
  const { numerator, denominator } = scaleOf(suffix, exponent);
  const scaled = BigInt(whole + fraction || '0') * numerator;
  const divisor = 10n ** BigInt(fraction.length) * denominator;
  return { numerator: scaled, divisor };
}

/**
 * What people write for a quantity, and what Kubernetes calls it: `10m` for 10M, `10MB` for 10M, `5gb` for 5G, `2K` for
 * 2k.
 */
function suggestionFor(text: string): string {
  const [, number = '', letter = '', binary = ''] = /^\+?(\d+(?:\.\d+)?)\s*([kmgtp])(i?)b?$/i.exec(text.trim()) ?? [];
  if (letter === '') return '';
  const unit = letter.toUpperCase();
  const meant = `${number}${binary === '' && unit === 'K' ? 'k' : unit}${binary.toLowerCase()}`;
  return meant === text ? '' : `; did you mean ${meant}?`;
}

function scaleOf(suffix: string, exponent: string | undefined): { numerator: bigint; denominator: bigint } {
  const power = exponent === undefined ? decimalPower(suffix) : Number(exponent);
  if (power === undefined) return { numerator: 1024n ** BigInt(BINARY.indexOf(suffix) + 1), denominator: 1n };
  return power >= 0
    ? { numerator: 10n ** BigInt(power), denominator: 1n }
    : { numerator: 1n, denominator: 10n ** BigInt(-power) };
}

/** The power of ten a suffix stands for; undefined for the binary ones. */
function decimalPower(suffix: string): number | undefined {
  if (suffix === '') return 0;
  if (BINARY.includes(suffix)) return undefined;
  const small = ['m', 'u', 'n'].indexOf(suffix);
  return small >= 0 ? -3 * (small + 1) : 3 * (DECIMAL.indexOf(suffix) + 1);
}

/** Writes bytes as the shortest exact binary quantity: `10Gi`, else plain digits. */
export function formatQuantity(size: Bytes): string {
  if (size === 0) return '0';
  let value: number = size;
  let unit = '';
  for (const next of BINARY) {
    if (value % 1024 !== 0) break;
    value /= 1024;
    unit = next;
  }
  return `${value}${unit}`;
}
