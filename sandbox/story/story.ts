import { parse } from 'yaml';
import type { Bytes } from '../../src/model/bytes.ts';
import { Fault, textOf } from '../../src/model/fault.ts';
import { parseQuantity } from '../../src/model/quantity.ts';
import type { MediaType } from '../../src/model/storage-class.ts';
import type { Expectation, Matcher, Selection } from './expectation.ts';

/** A story: machines, the actions of each step, and the expectations at its end. */
export interface Story {
  readonly nodes: readonly StoryNode[];
  readonly steps: readonly Step[];
}

export interface StoryNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly disks: readonly StoryDisk[];
}

export interface StoryDisk {
  readonly name: string;
  readonly size: Bytes;
  readonly mediaType: MediaType;
  /** Filesystem that the disk already carries, such as `ext4`. */
  readonly holds?: string;
}

export interface Step {
  readonly title: string;
  readonly actions: readonly Action[];
  readonly expectations: readonly Expectation[];
  readonly withinMs: number;
}

export type Action =
  /** Paths of manifests, relative to the story. */
  | { readonly do: 'apply'; readonly files: readonly string[] }
  | { readonly do: 'delete'; readonly what: readonly Selection[] }
  | { readonly do: 'grow'; readonly claim: string; readonly to: string };

const DEFAULT_SECONDS = 40;
const TESTS = ['count', 'distinct', 'each', 'tally', 'matching', 'sameAs'] as const;

/** Reads a story. Throws Fault `invalid` naming the field that is wrong. */
export function parseStory(text: string): Story {
  const root = record(parseYaml(text), 'the story');
  return {
    nodes: list(root['nodes'], 'nodes').map((node, i) => storyNode(record(node, `nodes[${i}]`), `nodes[${i}]`)),
    steps: list(root['steps'], 'steps').map((step, i) => storyStep(record(step, `steps[${i}]`), `steps[${i}]`)),
  };
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new Fault('invalid', `the story is not YAML: ${textOf(error)}`, { cause: error });
  }
}

function storyNode(node: Fields, at: string): StoryNode {
  return {
    name: string(node['name'], `${at}.name`),
    labels: strings(node['labels'] ?? {}, `${at}.labels`),
    disks: list(node['disks'], `${at}.disks`).map((disk, i) => storyDisk(record(disk, at), `${at}.disks[${i}]`)),
  };
}

function storyDisk(disk: Fields, at: string): StoryDisk {
  const holds = disk['holds'];
  return {
    name: string(disk['name'], `${at}.name`),
    size: parseQuantity(string(disk['size'], `${at}.size`)),
    mediaType: disk['mediaType'] === 'hdd' ? 'hdd' : 'ssd',
    ...(holds === undefined ? {} : { holds: string(holds, `${at}.holds`) }),
  };
}

function storyStep(step: Fields, at: string): Step {
  return {
    title: string(step['step'], `${at}.step`),
    actions: actionsOf(step, at),
    expectations: list(step['expect'], `${at}.expect`).map((item, i) =>
      expectation(record(item, at), `${at}.expect[${i}]`),
    ),
    withinMs: Number(step['withinSeconds'] ?? DEFAULT_SECONDS) * 1000,
  };
}

function actionsOf(step: Fields, at: string): Action[] {
  const actions: Action[] = [];
  if (step['apply'] !== undefined)
    actions.push({ do: 'apply', files: list(step['apply'], `${at}.apply`).map((file) => string(file, `${at}.apply`)) });
  if (step['delete'] !== undefined)
    actions.push({ do: 'delete', what: list(step['delete'], `${at}.delete`).map((item) => selection(item, at)) });
  if (step['grow'] !== undefined) {
    const grow = record(step['grow'], `${at}.grow`);
    actions.push({ do: 'grow', claim: string(grow['claim'], at), to: string(grow['to'], at) });
  }
  if (actions.length === 0) throw new Fault('invalid', `${at} does nothing: give apply, delete or grow`);
  return actions;
}

function expectation(item: Fields, at: string): Expectation {
  const tests = TESTS.filter((test) => item[test] !== undefined);
  const [test] = tests;
  if (test === undefined || tests.length > 1)
    throw new Fault('invalid', `${at} needs exactly one of ${TESTS.join(', ')}`);
  return {
    says: string(item['says'], `${at}.says`),
    of: selection(item['of'], `${at}.of`),
    path: string(item['path'], `${at}.path`),
    matcher: { test, want: item[test] } as Matcher,
  };
}

function selection(value: unknown, at: string): Selection {
  const fields = record(value, at);
  const { name, labels, having } = fields;
  return {
    kind: string(fields['kind'], `${at}.kind`),
    ...(name === undefined ? {} : { name: string(name, `${at}.name`) }),
    ...(labels === undefined ? {} : { labels: strings(labels, `${at}.labels`) }),
    ...(having === undefined ? {} : { having: condition(record(having, `${at}.having`), at) }),
  };
}

const condition = (having: Fields, at: string): { path: string; is: unknown } => ({
  path: string(having['path'], `${at}.having.path`),
  is: having['is'],
});

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'fields', value);
  return value as Fields;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(at, 'a list', value);
  return value;
}

function string(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(at, 'a text', value);
  return value;
}

function strings(value: unknown, at: string): Record<string, string> {
  const entries = Object.entries(record(value, at));
  return Object.fromEntries(entries.map(([key, item]) => [key, string(item, `${at}.${key}`)]));
}

const wrong = (at: string, wanted: string, value: unknown): Fault =>
  new Fault('invalid', `${at} must be ${wanted}, not ${JSON.stringify(value) ?? 'missing'}`);
