import { bytes, type Bytes } from '../model/bytes.ts';
import { Fault } from '../model/fault.ts';

/** A line of one of lvm's reports: its fields are texts. */
export type Row = Readonly<Record<string, unknown>>;

export const text = (row: Row, field: string): string => (typeof row[field] === 'string' ? row[field] : '');

/** Whole bytes. Throws Fault `unavailable` for anything else. */
export function count(row: Row, field: string): Bytes {
  const value = text(row, field);
  if (!/^\d+$/.test(value)) throw new Fault('unavailable', `lvm reports ${field} "${value}": expected whole bytes`);
  return bytes(BigInt(value));
}

export const list = (row: Row, field: string): string[] => text(row, field).split(',').filter(Boolean);
