/** How many requests one claim makes: exactly so many, or from the least to the most. */
export type Bounds = number | readonly [least: number, most: number];
export type Allowance = Readonly<Record<string, Bounds>>;

/**
 * Finds what is outside of a budget, by `verb resource`: too many, not allowed at all, or fewer than so many claims
 * must make. The lower bound shows that the counting works: with requests that nobody recognizes every budget would be
 * kept.
 */
export function outside(counted: Readonly<Record<string, number>>, allowance: Allowance, claims: number): string[] {
  const kinds = [...new Set([...Object.keys(counted), ...Object.keys(allowance)])].toSorted();
  return kinds.flatMap((kind) => {
    const bounds = allowance[kind] ?? 0;
    const [least, most] = typeof bounds === 'number' ? [bounds, bounds] : bounds;
    const count = counted[kind] ?? 0;
    if (count > most * claims) return [`${count} × ${kind}, and ${most * claims} may be`];
    return count < least * claims ? [`${count} × ${kind}, and ${least * claims} must be`] : [];
  });
}
