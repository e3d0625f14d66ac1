const DECIMAL = /^[1-9][0-9]*$/;

/**
 * Negative when `a` is older, 0 when equal, positive when newer; undefined when a server's versions cannot be ordered.
 * Versions of one kind are decimal numbers of any length:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export function compareVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}
