import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * A small registry in Prometheus' text format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export interface Metrics {
  /** Only ever grows; its name ends in `_total` by convention. */
  counter(spec: MetricSpec): Counter;
  gauge(spec: MetricSpec): Gauge;
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }): Histogram;
  /** Called before every page is made, to bring gauges up to date; a long refresh yields between its steps. */
  beforePage(refresh: () => Steps): void;
  page(): string;
  /**
   * The same in turns of a few ms, between which everything else in the process goes on: a page of a large cluster
   * takes half a second. Who asks while one is being made gets that one. Rejects with what a refresh throws.
   */
  readonly pageInTurns: () => Promise<string>;
}

/** What does its work step by step, or (undefined) at once. */
export type Steps = Iterable<void> | void;

/** A call that comes while a page is made waits so long at most, in ms, and for the step under way. */
const TURN_MS = 5;

export interface MetricSpec {
  readonly name: string;
  readonly help: string;
  /** Label names; the values come in the same order. */
  readonly labels?: readonly string[];
}

export interface Counter {
  /** Adds `by` (1 when absent) to the series of these label values. */
  add(labels: readonly string[], by?: number): void;
}

export interface Gauge {
  set(labels: readonly string[], value: number): void;
  /** Forgets every series, before a refresh that sets those which still exist. */
  clear(): void;
}

export interface Histogram {
  observe(labels: readonly string[], value: number): void;
}

interface Family {
  readonly spec: MetricSpec;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The lines of one series after the other. */
  readonly samples: () => Iterable<string>;
}

/** A registry of its own; nothing is shared between two. Throws Error when a name is used twice. */
export function createMetrics(): Metrics {
  const families = new Map<string, Family>();
  const refreshes: (() => Steps)[] = [];
  let underWay: Promise<string> | undefined;
  const add = (family: Family): void => {
    if (families.has(family.spec.name)) throw new Error(`the metric ${family.spec.name} exists already`);
    families.set(family.spec.name, family);
  };
  function* parts(): Generator<string> {
    for (const refresh of refreshes) for (const _ of refresh() ?? []) yield '';
    for (const family of families.values()) yield* describe(family);
  }
  return {
    counter: (spec) => {
      const series = new Series(spec, () => ({ value: 0 }));
      if ((spec.labels ?? []).length === 0) series.at([]);
      add({ spec, type: 'counter', samples: () => series.map((text, { value }) => sample(spec.name, text, value)) });
      return { add: (labels, by = 1) => void (series.at(labels).value += by) };
    },
    gauge: (spec) => {
      const series = new Series(spec, () => ({ value: 0 }));
      add({ spec, type: 'gauge', samples: () => series.map((text, { value }) => sample(spec.name, text, value)) });
      return { set: (labels, value) => void (series.at(labels).value = value), clear: () => series.clear() };
    },
    histogram: (spec) => {
      const series = new Series(spec, () => new Distribution(spec.buckets));
      add({ spec, type: 'histogram', samples: () => series.map((text, spread) => spread.samples(spec.name, text)) });
      return { observe: (labels, value) => series.at(labels).observe(value) };
    },
    beforePage: (refresh) => void refreshes.push(refresh),
    page: () => [...parts()].join(''),
    pageInTurns: () => {
      underWay ??= inTurns(parts()).finally(() => (underWay = undefined));
      return underWay;
    },
  };
}

async function inTurns(parts: Iterable<string>): Promise<string> {
  const made: string[] = [];
  let started = performance.now();
  for (const part of parts) {
    if (part !== '') made.push(part);
    if (performance.now() - started < TURN_MS) continue;
    await nextTurn();
    started = performance.now();
  }
  return made.join('');
}

function* describe({ spec, type, samples }: Family): Generator<string> {
  const help = spec.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  yield `# HELP ${spec.name} ${help}\n# TYPE ${spec.name} ${type}\n`;
  yield* samples();
}

/** The series of one family, by the text of their labels. */
class Series<T> {
  readonly #names: readonly string[];
  readonly #make: () => T;
  readonly #byLabels = new Map<string, T>();

  constructor({ labels = [] }: MetricSpec, make: () => T) {
    this.#names = labels;
    this.#make = make;
  }

  at(values: readonly string[]): T {
    let text = '';
    for (const [at, name] of this.#names.entries())
      text += `${at === 0 ? '' : ','}${name}="${escape(values[at] ?? '')}"`;
    let found = this.#byLabels.get(text);
    if (found === undefined) this.#byLabels.set(text, (found = this.#make()));
    return found;
  }

  *map<R>(turn: (labels: string, value: T) => R): Generator<R> {
    for (const [labels, value] of this.#byLabels) yield turn(labels, value);
  }

  clear(): void {
    this.#byLabels.clear();
  }
}

class Distribution {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** All of one text: no value is counted between two of its lines. */
  samples(name: string, labels: string): string {
    const before = labels === '' ? '' : `${labels},`;
    let below = 0;
    const buckets = this.#bounds.map((bound, at) => {
      below += this.#counts[at] ?? 0;
      return sample(`${name}_bucket`, `${before}le="${bound}"`, below);
    });
    return [
      ...buckets,
      sample(`${name}_bucket`, `${before}le="+Inf"`, this.#count),
      sample(`${name}_sum`, labels, this.#sum),
      sample(`${name}_count`, labels, this.#count),
    ].join('');
  }
}

const sample = (name: string, labels: string, value: number): string =>
  labels === '' ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;

const escape = (value: string): string =>
  /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
