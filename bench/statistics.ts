/** Finds the quantile: the value below which the part `q` of the values lies; NaN for none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

export interface Distribution {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export const distributionOf = (values: readonly number[]): Distribution => ({
  p50: percentile(values, 0.5),
  p99: percentile(values, 0.99),
  p999: percentile(values, 0.999),
});
