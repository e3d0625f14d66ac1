import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { WIDTH, wideLines } from './prose-width.ts';

/**
 * `node tools/check-prose.ts`: names every line of a comment or document that is wider than code may be; then it ends
 * with 1.
 */

const root = path.dirname(import.meta.dirname);
const TOPS = ['.ci', 'bench', 'bin', 'crds', 'deploy', 'docs', 'examples', 'sandbox', 'src', 'test', 'tools'];
const NO_SUFFIX = /^(?:\.ci|bin|test\/node\/(?:machine\/guest|kubelet\/files))\/[^.]*$/;
const isProse = (file: string): boolean => /\.(?:tsx?|sh|md|yaml)$/.test(file) || NO_SUFFIX.test(file);

const files = [
  ...readdirSync(root).filter((name) => /\.(?:ts|md)$/.test(name)),
  ...TOPS.flatMap((top) =>
    readdirSync(path.join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))),
  ),
].filter((file) => isProse(file) && !/\/(?:gen|node_modules)\//.test(file));

const found = files.flatMap((file) =>
  wideLines(file, readFileSync(path.join(root, file), 'utf8')).map((line) => `${file}:${line}`),
);
for (const place of found) process.stdout.write(`${place}: prose of more than ${WIDTH} columns; break the line\n`);
process.exitCode = found.length > 0 ? 1 : 0;
