import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** docs/compatibility.md has a row for each kube-scheduler that ring 4 runs. */

const ROOT = path.resolve(import.meta.dirname, '../..');
const MODULES = path.join(ROOT, 'test/control-plane');

function versionOf(module: string): string | undefined {
  const text = readFileSync(path.join(MODULES, module, 'go.mod'), 'utf8');
  return /^.*k8s\.io\/kubernetes v([\d.]+)/m.exec(text)?.[1];
}

test('every version that is run is told, and no other', () => {
  const others = readdirSync(path.join(MODULES, 'schedulers')).map((name) => `schedulers/${name}`);
  const text = readFileSync(path.join(ROOT, 'docs/compatibility.md'), 'utf8');
  const told = [...text.matchAll(/^\| (\d+\.\d+\.\d+) \|/gm)].map(([, version]) => version);
  expect(new Set(told)).toEqual(new Set(['kubernetes', ...others].map(versionOf)));
});
