import type { Cause } from './failure.ts';
import type { Stored } from './json.ts';
import type { Kind } from './kind.ts';

/** Fills in defaults, drops unknown fields, and says what is wrong with `object`, which it changes. */
export function conform(kind: Kind, object: Stored, old: Stored | undefined): { causes: Cause[]; unknown: string[] } {
  kind.rules.defaults?.(object);
  const causes = kind.rules.validate?.(object) ?? [];
  if (old !== undefined) causes.push(...(kind.rules.validateUpdate?.(object, old) ?? []));
  return { causes, unknown: [] };
}
