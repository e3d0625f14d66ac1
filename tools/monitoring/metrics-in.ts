/** Names of the series that a PromQL expression asks for. All of ours begin with one of these words. */
export function metricsIn(expr: string): string[] {
  const withoutTexts = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return [...new Set(withoutTexts.match(/\b(?:open_local|local|process|nodejs)_\w+/g))];
}
