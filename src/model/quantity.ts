import { bytes, type Bytes } from './bytes.ts';
import { Fault } from './fault.ts';

const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['k', 'M', 'G', 'T', 'P', 'E'];
const QUANTITY = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

/**
 * Reads a Kubernetes quantity such as `10Gi`, `1.5G`, `1e9` or `500m` as bytes, a fraction of a byte rounded up as Kubernetes does.
 * Throws Fault `invalid` naming the text when it is malformed or negative, and `out-of-range` from 8 PiB on.
 * Syntax: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseQuantity(text: string): Bytes {
  const match = QUANTITY.exec(text.trim());
  if (!match) throw new Fault('invalid', `"${text}" is not a quantity such as 10Gi`);
  const [, digits = '0', suffix = '', exponent] = match;

  const [whole = '', fraction = ''] = digits.split('.');
  const { numerator, denominator } = scaleOf(suffix, exponent);
  const scaled = BigInt(whole + fraction || '0') * numerator;
  const divisor = 10n ** BigInt(fraction.length) * denominator;
  const value = (scaled + divisor - 1n) / divisor;
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Fault('out-of-range', `"${text}" is 8 PiB or more`);
  return bytes(value);
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
