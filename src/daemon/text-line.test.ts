import { expect, test } from 'vitest';
import { textLine } from './text-line.ts';

const TIME = '2026-11-29T07:44:40.123Z';
const line = (fields: object): string =>
  textLine(JSON.stringify({ level: 'info', time: TIME, pid: 1, hostname: 'h', name: 'agent', ...fields }));

test.each([
  [{ msg: 'limits of IO set', volume: 'local-1', ms: 12 }, `${TIME} INFO  limits of IO set volume=local-1 ms=12\n`],
  [{ msg: 'changing a volume', action: { bps: 1 } }, `${TIME} INFO  changing a volume action={"bps":1}\n`],
  [{ level: 'warn', msg: 'a flag', action: 'it = "this"' }, `${TIME} WARN  a flag action="it = \\"this\\""\n`],
  [
    { level: 'error', msg: 'it failed', err: { type: 'Error', message: 'a\nb', stack: 's' } },
    `${TIME} ERROR it failed error="a\\nb"\n`,
  ],
  [{ msg: 'two\nlines', vg: 'a\nb' }, `${TIME} INFO  two lines vg="a\\nb"\n`],
  [{ msg: 'empty', vg: '' }, `${TIME} INFO  empty vg=""\n`],
])('%j is one line', (fields, text) => {
  expect(line(fields)).toBe(text);
});

test('what is no JSON object stays as it is', () => {
  expect([textLine('plain\n'), textLine('1\n')]).toEqual(['plain\n', '1\n']);
});
