import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { builtTools, derivedFiles } from './chart.ts';

/** `make deploy`: writes what is made of the chart. */
const root = path.join(import.meta.dirname, '../..');
for (const [file, text] of await derivedFiles(await builtTools())) await writeFile(path.join(root, file), text);
