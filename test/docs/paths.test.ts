import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** Documents name files and folders; these tests fail when one is moved and a document still names its old place. */

const root = path.resolve(import.meta.dirname, '../..');
const OUTSIDE = new Set(['node_modules', '.git', 'dist', 'coverage']);

const entries = readdirSync(root, { withFileTypes: true })
  .filter(({ name }) => !OUTSIDE.has(name))
  .flatMap((entry) =>
    entry.isDirectory()
      ? [
          entry.name,
          ...readdirSync(path.join(root, entry.name), { recursive: true, encoding: 'utf8' }).map((file) =>
            path.join(entry.name, file),
          ),
        ]
      : [entry.name],
  );
const existing = new Set(entries);
/** Folders with which a path in a document may begin. */
const tops = new Set(entries.flatMap((file) => /^(?:src\/)?([^/]+)$/.exec(file)?.[1] ?? []));

const documents = entries.filter((file) => /^(?:[A-Z]+\.md|docs\/.*\.md|bench\/README\.md)$/.test(file));

/**
 * What a document says in code or in brackets, such as `src/model/fault.ts`, `operator/nodes` or (docs/decisions/0004).
 */
const WORD = /(?<![\w./:@…>-])(?:\.{0,2}\/)?\w[\w.-]*(?:\/[\w.-]+)*\/?/g;
const FILE = /\.(?:ts|md|yaml|sh|svg|proto|json)$/;
/** Names that a document gives as an example, or that a program makes. */
const MADE_UP = /^(?:x\.test\.ts|file\.ts|disks\.json|demo\.json)$/;

/** The paths that a document names, as they are written. */
function pathsIn(text: string): string[] {
  const places = [...text.matchAll(/`([^`\n]+)`|\]\(([^)\s#]+)[^)]*\)|\((docs\/[^)\s]+)\)|\bdocs\/[\w/.-]+/g)];
  return places
    .flatMap(([whole, code, link, bracketed]) => (code ?? link ?? bracketed ?? whole).match(WORD) ?? [])
    .map((word) => word.replace(/[.,;:]$/, ''))
    .filter(
      (word) => !MADE_UP.test(word) && (FILE.test(word) || (word.includes('/') && tops.has(word.split('/')[0] ?? ''))),
    );
}

/** Whether the checkout has it, from its root, from the document's folder, or from any folder on (`stage.ts`). */
function exists(word: string, document: string): boolean {
  const file = word.replace(/\/$/, '');
  if (isDecision(file) || existing.has(path.join(path.dirname(document), file))) return true;
  return entries.some((entry) => entry === file || entry.endsWith(`/${file}`));
}

/** A decision record is named by its number: docs/decisions/0004. */
const isDecision = (file: string): boolean =>
  /^docs\/decisions\/\d{4}$/.test(file) && entries.some((entry) => entry.startsWith(`${file}-`));

test.each(documents)('every path that %s names is there', (document) => {
  const text = readFileSync(path.join(root, document), 'utf8');
  expect(pathsIn(text).filter((word) => !exists(word, document))).toEqual([]);
});

test('a path that is not there is found', () => {
  const text =
    'See `src/model/fault.ts`, `src/model/gone.ts`, [x](docs/gone.md), docs/decisions/0999, `csi/gone` and `gone-too.ts`.';
  expect(pathsIn(text).filter((word) => !exists(word, 'README.md'))).toEqual([
    'src/model/gone.ts',
    'docs/gone.md',
    'docs/decisions/0999',
    'csi/gone',
    'gone-too.ts',
  ]);
});
