import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseStory } from './story.ts';

const examples = path.join(import.meta.dirname, '../../examples');
const demo = parseStory(readFileSync(path.join(examples, 'demo.yaml'), 'utf8'));

test('the demo has four machines of two disks, one of which carries a filesystem', () => {
  expect(demo.nodes.map(({ disks }) => disks.length)).toEqual([2, 2, 2, 2]);
  expect(demo.nodes.flatMap(({ disks }) => disks.filter(({ holds }) => holds !== undefined))).toMatchObject([
    { name: '/dev/sdc', holds: 'ext4', size: 10 * 1024 ** 3, mediaType: 'hdd' },
  ]);
});

const applied = demo.steps.flatMap(({ actions }) =>
  actions.flatMap((action) => (action.do === 'apply' ? [...action.files] : [])),
);

test.each(demo.steps)('the step "$title" expects something', ({ expectations }) => {
  expect(expectations).not.toEqual([]);
});

test.each(applied)('%s holds Kubernetes objects', (file) => {
  const documents = parseAllDocuments(readFileSync(path.join(examples, file), 'utf8'));
  const objects = documents.map((document) => document.toJS() as unknown);
  for (const object of objects)
    expect(object).toMatchObject({
      apiVersion: expect.any(String),
      kind: expect.any(String),
      metadata: { name: expect.any(String) },
    });
});

const step = (text: string): string => `nodes: []\nsteps:\n  - { step: s, ${text} }`;
test.each([
  ['nodes: [', /not YAML/],
  ['- a', /the story must be fields/],
  ['nodes: []', /steps must be a list, not missing/],
  ['nodes: [{ name: 1 }]\nsteps: []', /nodes\[0\].name must be a text, not 1/],
  ['nodes: [{ name: n, disks: [{ name: d, size: 1Zi }] }]\nsteps: []', /"1Zi" is not a quantity/],
  [step('expect: []'), /steps\[0\] does nothing/],
  [step('apply: [a], expect: [{ says: x, of: { kind: Pod }, path: a }]'), /expect\[0\] needs exactly one of/],
  [step('apply: [a], expect: [{ says: x, of: { kind: Pod }, path: a, count: 1, each: 2 }]'), /exactly one/],
  [step('apply: [a], expect: [{ says: x, of: {}, path: a, count: 1 }]'), /expect\[0\].of.kind must be a text/],
  [step('grow: { claim: a }, expect: []'), /must be a text, not missing/],
])('%j is refused', (text, message) => {
  expect(() => parseStory(text)).toThrow(message);
});
