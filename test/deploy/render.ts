import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { monitoringFiles } from '../../tools/monitoring/files.ts';
import { builtTools, derivedFiles } from './chart.ts';

/** `make deploy`: writes what the chart is made of, and what is made of the chart. */
const root = path.join(import.meta.dirname, '../..');
const write = async (files: ReadonlyMap<string, string>): Promise<void> => {
  for (const [file, text] of files) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
};
await write(monitoringFiles());
await write(await derivedFiles(await builtTools()));
