/** A page of Prometheus metrics: values by name, labels as text. */
export type Page = ReadonlyMap<string, readonly Sample[]>;

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function parsePage(text: string): Page {
  const page = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue;
    const [, name = '', labelText = '', value] = found;
    const labels = Object.fromEntries(
      [...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', of = '']) => [key, of]),
    );
    page.set(name, [...(page.get(name) ?? []), { labels, value: Number(value) }]);
  }
  return page;
}

/** Sums all series with these labels; 0 without any. */
export function sumOf(page: Page, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels);
  return (page.get(name) ?? [])
    .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
