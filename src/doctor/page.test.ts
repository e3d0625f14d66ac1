import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FINDINGS } from './model/findings.ts';
import { inWordsOf, permissions } from './model/permissions.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

test('docs/doctor.md has a row for each finding, and no other', () => {
  const rows = Object.entries(FINDINGS).map(
    ([name, { level, cause, why, remedy }]) => `| \`${name}\` | ${level} | ${cause} | ${why} | ${remedy} |`,
  );
  const told = read('docs/doctor.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  expect(told).toEqual(rows);
});

test('rights are asked about with the names of the installation', () => {
  const words = (secret: string | undefined): string[] => permissions(secret, 'theirs').map(inWordsOf);
  expect(words('own-tls')).toEqual(
    expect.arrayContaining([
      'create secrets',
      'update secrets own-tls',
      'get secrets own-tls-client',
      'delete endpoints theirs',
      'watch volumesnapshotcontents.snapshot.storage.k8s.io',
    ]),
  );
  expect(words(undefined).filter((each) => each.includes('secrets'))).toEqual([]);
});
