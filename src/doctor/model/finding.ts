import type { Level } from './finding-entry.ts';
import { FINDINGS, type FindingName } from './findings.ts';

export interface Finding {
  readonly name: FindingName;
  readonly level: Level;
  /** `Kind/name` or `Kind/namespace/name`. */
  readonly object: string;
  /** What was seen, with its numbers. */
  readonly what: string;
  readonly why: string;
  /** What mends it: a command, or a sentence where none can. None destroys anything. */
  readonly mend: readonly string[];
}

export function found(name: FindingName, object: string, what: string, ...mend: readonly string[]): Finding {
  const { level, why } = FINDINGS[name];
  return { name, level, object, what, why, mend };
}
