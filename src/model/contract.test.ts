import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CONTRACT } from './contract.ts';
import { EVENT_REASONS } from './event-reasons.ts';
import { PARAM_PV_NAME } from './well-known.ts';

const root = path.join(import.meta.dirname, '../..');
const doc = readFileSync(path.join(root, 'docs/compatibility.md'), 'utf8');
const HEADING = '| name | kind | on | written by | read by | whose |\n|---|---|---|---|---|---|\n';

const rows = CONTRACT.map(({ name, kind, on, writers, readers, from }) =>
  ['', `\`${name}\``, kind, on, writers.join(', '), readers.join(', '), from, ''].join(' | ').trim(),
);

test('docs/compatibility.md has every name of the table, and no other', () => {
  const [, told = ''] = doc.split(HEADING);
  const lines = told.split('\n').filter((line) => line !== '');
  expect({ missing: rows.filter((row) => !lines.includes(row)) }).toEqual({ missing: [] });
  expect({ unknown: lines.filter((line) => !rows.includes(line)) }).toEqual({ unknown: [] });
});

test('a name stands once for each kind of object', () => {
  const keys = CONTRACT.map(({ name, kind, on }) => `${kind} ${name} on ${on}`);
  expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
});

/** Names with a prefix that stand in product code, and are not API groups or versions. */
const NAME = /'((?:[a-z0-9-]+\.)*(?:csi\.aliyun\.com|kubernetes\.io|k8s\.io)\/[A-Za-z][^'\s]*)'/g;
const VERSION = /\/v\d+(?:(?:alpha|beta)\d+)?$/;
/** What looks like such a name and is on no object of a cluster, or is told by its kind. */
const ELSEWHERE = [
  'client.authentication.k8s.io/exec', // a kind of exec plug-in
  PARAM_PV_NAME, // what only the sandbox's provisioner writes, and nobody reads
  'registry.k8s.io/kube-scheduler:v1.36.3', // an image
  'kubernetes.io/tls', // a type of Secrets
  'node.kubernetes.io/unschedulable', // the taint of a cordoned node
];

const product = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !/(\.test|-fixture)\.ts$|\/gen\/|(^|\/)(fake|sample)-/.test(file),
);

/** Reasons in `status.nodeStorageInfo.state`, which no Event has. */
const OF_STATES = ['StorageReady', 'DiscoveryFailed'];

test('no reason stands in the code without an entry in a table', () => {
  const known = new Set([...Object.keys(EVENT_REASONS), ...OF_STATES]);
  const strangers = product
    .filter((file) => /^(operator|agent)\//.test(file))
    .flatMap((file) =>
      [...readFileSync(path.join(root, 'src', file), 'utf8').matchAll(/\breason(?:: EventReason =|:) '(\w+)'/g)]
        .map(([, name = '']) => name)
        .filter((name) => !known.has(name))
        .map((name) => `${file}: ${name}`),
    );
  expect(strangers).toEqual([]);
});

test('no name stands in the code without an entry in the table', () => {
  const known = new Set([...CONTRACT.map(({ name }) => name), ...ELSEWHERE]);
  const strangers = product.flatMap((file) =>
    [...readFileSync(path.join(root, 'src', file), 'utf8').matchAll(NAME)]
      .map(([, name = '']) => name)
      .filter((name) => !known.has(name) && !VERSION.test(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(strangers).toEqual([]);
});
