import { parseQuantity } from '../model/quantity.ts';
import { textOf } from '../model/fault.ts';
import type { Bytes } from '../model/bytes.ts';
import { Denied } from './denied.ts';

/** A claim that nobody has made. */
export interface SupposedClaim {
  readonly size: Bytes;
  readonly storageClass: string;
}

/** More volumes of one pod are nobody's question. */
const MAX_CLAIMS = 8;
const MAX_CLASS = 253;

/** Reads `10Gi,open-local-lvm` of each. Throws Denied 400 that names what is wrong. */
export function supposedClaims(texts: readonly string[]): readonly SupposedClaim[] {
  if (texts.length === 0 || texts.length > MAX_CLAIMS)
    throw new Denied(
      400,
      `give from 1 to ${MAX_CLAIMS} claims, each as claim=SIZE,STORAGECLASS, such as 10Gi,open-local-lvm`,
    );
  return texts.map((text) => {
    const [size = '', storageClass = '', ...more] = text.split(',').map((part) => part.trim());
    if (storageClass === '' || storageClass.length > MAX_CLASS || more.length > 0)
      throw new Denied(400, `"${text}" is not SIZE,STORAGECLASS, such as 10Gi,open-local-lvm`);
    return { size: sizeOf(size), storageClass };
  });
}

function sizeOf(text: string): Bytes {
  try {
    const size = parseQuantity(text);
    if (size > 0) return size;
  } catch (error) {
    throw new Denied(400, textOf(error));
  }
  throw new Denied(400, `the size "${text}" must be more than zero`);
}
