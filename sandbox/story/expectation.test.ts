import { present } from '../../src/model/present.ts';
import { expect, test } from 'vitest';
import { isSelected, judge, type Matcher, type Selection } from './expectation.ts';

const pod = (
  name: string,
  app: string,
  phase: string,
  node?: string,
): { metadata: object; [field: string]: unknown } => ({
  metadata: { name, labels: { app } },
  spec: { ...present({ nodeName: node }), wants: phase },
  status: { phase },
});
const pods = [
  pod('a', 'web', 'Running', 'node-1'),
  pod('b', 'web', 'Running', 'node-2'),
  pod('c', 'web', 'Pending'),
  pod('d', 'other', 'Running', 'node-1'),
] as { metadata: { name: string; labels: Record<string, string> } }[];

test.each<[Selection, string[]]>([
  [{ kind: 'Pod' }, ['a', 'b', 'c', 'd']],
  [{ kind: 'Pod', name: 'b' }, ['b']],
  [{ kind: 'Pod', labels: { app: 'other' } }, ['d']],
  [{ kind: 'Pod', labels: { app: 'web' }, having: { path: 'status.phase', is: 'Pending' } }, ['c']],
  [{ kind: 'Pod', having: { path: 'status.missing', is: 'Pending' } }, []],
])('%j selects %j', (selection, want) => {
  expect(pods.filter((object) => isSelected(object, selection)).map((object) => object.metadata.name)).toEqual(want);
});

const web: Selection = { kind: 'Pod', labels: { app: 'web' } };
const nobody: Selection = { kind: 'Pod', name: 'nobody' };
test.each<[string, Selection, string, Matcher, boolean]>([
  ['counts values, not objects', web, 'spec.nodeName', { test: 'count', want: 2 }, true],
  ['a wrong count', web, 'spec.nodeName', { test: 'count', want: 3 }, false],
  ['none is a count', nobody, 'metadata.name', { test: 'count', want: 0 }, true],
  ['different values', web, 'spec.nodeName', { test: 'distinct', want: 2 }, true],
  ['equal values are not different', { kind: 'Pod' }, 'spec.nodeName', { test: 'distinct', want: 3 }, false],
  ['each has the value', { kind: 'Pod', name: 'a' }, 'status.phase', { test: 'each', want: 'Running' }, true],
  ['one has not', web, 'status.phase', { test: 'each', want: 'Running' }, false],
  ['nothing found is not each', nobody, 'status.phase', { test: 'each', want: 'Running' }, false],
  ['a tally', web, 'status.phase', { test: 'tally', want: { Running: 2, Pending: 1 } }, true],
  ['a tally with another value beside', web, 'status.phase', { test: 'tally', want: { Running: 2 } }, false],
  ['some value matches', web, 'spec.nodeName', { test: 'matching', want: '^node-[2]$' }, true],
  ['no value matches', web, 'spec.nodeName', { test: 'matching', want: '^ode' }, false],
  ['both paths agree', web, 'status.phase', { test: 'sameAs', want: 'spec.wants' }, true],
  ['they do not', web, 'status.phase', { test: 'sameAs', want: 'metadata.name' }, false],
  ['nothing to compare', nobody, 'status.phase', { test: 'sameAs', want: 'spec.wants' }, false],
])('%s', (says, of, path, matcher, want) => {
  expect(judge({ says, of, path, matcher }, pods)).toMatchObject({ says, ok: want });
});
