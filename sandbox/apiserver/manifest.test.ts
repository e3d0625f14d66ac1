import { expect, test } from 'vitest';
import { parseManifest } from './manifest.ts';

test('every document is an object; a List is taken apart, empty documents are none', () => {
  const text = `
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
# nothing here
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {generateName: c-}}
`;
  expect(parseManifest(text, 'x.yaml')).toEqual([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'c-' } },
  ]);
});

test.each([
  ['a: [', /^x\.yaml: .*line 1/s],
  ['a: b', /^x\.yaml, document 1 is no object of the API/],
  ['{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\njust text', /^x\.yaml, document 2 is no object/],
  ['{apiVersion: v1, kind: Pod}', /^x\.yaml, document 1: Pod needs metadata\.name/],
  ['{apiVersion: v1, kind: List, items: [{kind: Pod}]}', /^x\.yaml, document 1, item 1 is no object/],
])('%j is refused, and where is told', (text, message) => {
  expect(() => parseManifest(text, 'x.yaml')).toThrow(message);
});
