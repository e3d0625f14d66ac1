/** How bad it is. `broken`: something does not work. `risk`: it works, and will not always. */
export type Level = 'broken' | 'risk';

/** What is said of every finding of one name. */
export interface Entry {
  readonly level: Level;
  /** Where it comes from, for the page of findings. */
  readonly cause: string;
  /** Why it matters. */
  readonly why: string;
  /** What mends it, in general; each finding has its own commands. */
  readonly remedy: string;
}

/** Something does not work. */
export const broken = (cause: string, why: string, remedy: string): Entry => ({ level: 'broken', cause, why, remedy });
/** It works, and will not always. */
export const risk = (cause: string, why: string, remedy: string): Entry => ({ level: 'risk', cause, why, remedy });
