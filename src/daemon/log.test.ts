import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createLog, createSetLogLevel } from './log.ts';

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

test('a line for people has its level, its fields and the causes of its error', () => {
  const file = path.join(tmpdir(), `open-local-text-${process.pid}`);
  const fd = openSync(file, 'w');
  try {
    const log = createLog({ level: 'info', name: 'agent', format: 'text', fd });
    log.warn({ node: 'n', err: new Error('outer', { cause: new Error('inner') }) }, 'it failed');
    expect(readFileSync(file, 'utf8')).toMatch(/^\S+Z WARN  it failed node=n error="outer: inner"\n$/);
  } finally {
    closeSync(fd);
    rmSync(file);
  }
});

test('the level follows what an object asks for, and goes back; what is none is told once', () => {
  const told: unknown[] = [];
  const log = { level: 'info', warn: (fields: unknown) => void told.push(fields) };
  const set = createSetLogLevel(log as never, 'info');
  const levels = ['debug', 'loud', 'loud', undefined].map((asked) => {
    set(asked);
    return log.level;
  });
  expect(levels).toEqual(['debug', 'info', 'info', 'info']);
  expect(told).toEqual([{ action: '"loud" is none of debug, info, warn, error' }]);
});
