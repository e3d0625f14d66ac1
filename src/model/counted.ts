/** Counts equal texts and sorts what comes of it as text, as kube-scheduler does with its reasons: `1 that, 3 this`. */
export function counted(texts: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts]
    .map(([text, count]) => `${count} ${text}`)
    .toSorted()
    .join(', ');
}
