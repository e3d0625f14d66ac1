import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test('a line is one JSON object with its level as a word, and an error with its cause', () => {
  const file = path.join(tmpdir(), `open-local-log-${process.pid}`);
  const fd = openSync(file, 'w');
  try {
    const log = createLog({ level: 'info', name: 'agent', fd });
    log.debug({ node: 'n' }, 'hidden');
    log.warn({ node: 'n', err: new Error('outer', { cause: new Error('inner') }) }, 'it failed');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'warn', name: 'agent', node: 'n', msg: 'it failed' });
    expect(JSON.stringify(line)).toContain('inner');
  } finally {
    closeSync(fd);
    rmSync(file);
  }
});
