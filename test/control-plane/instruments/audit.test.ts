import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countByKind, parseAuditLine, readRequests } from './audit.ts';

const line = (verb: string, resource: string, more: object = {}): string =>
  JSON.stringify({
    kind: 'Event',
    verb,
    user: { username: 'system:serviceaccount:open-local:open-local-agent' },
    userAgent: 'open-local-agent/0.1.0 node/24',
    objectRef: { resource, namespace: 'default', name: 'x' },
    responseStatus: { code: 200 },
    ...more,
  });
const markLine = (name: string): string => line('get', 'nodes', { objectRef: { resource: 'nodes', name } });

async function logOf(...lines: readonly string[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'audit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'audit.log'), lines.map((each) => `${each}\n`).join(''));
  return folder;
}
const [first, second] = [{ name: 'audit-mark-1' }, { name: 'audit-mark-2' }];

test('a line of the log is read, a subresource and a path without an object too', () => {
  const objectRef = { resource: 'pods', subresource: 'binding', namespace: 'n', name: 'p' };
  expect(parseAuditLine(line('create', '', { objectRef, responseStatus: { code: 201 } }))).toEqual({
    verb: 'create',
    user: 'system:serviceaccount:open-local:open-local-agent',
    program: 'open-local-agent',
    resource: 'pods/binding',
    group: '',
    namespace: 'n',
    name: 'p',
    code: 201,
  });
  expect(parseAuditLine('{"verb":"get","user":{"username":"u"}}')).toMatchObject({
    resource: '',
    program: '',
    code: 0,
  });
});

test('what lies between two marks is read, and nothing else', async () => {
  const folder = await logOf(
    line('list', 'a'),
    markLine(first.name),
    line('get', 'b'),
    markLine(second.name),
    line('get', 'c'),
  );
  expect(countByKind(await readRequests(folder, first, second))).toEqual({ 'get b': 1 });
});

test.each([
  ['has not the first mark', [markLine(second.name)], /has no audit-mark-1/],
  ['has not the second mark', [markLine(first.name)], /has no audit-mark-2/],
  ['has them the other way round', [markLine(second.name), markLine(first.name)], /audit-mark-2 before audit-mark-1/],
])('a log that %s is no log without requests', async (_, lines, message) => {
  await expect(readRequests(await logOf(...lines), first, second)).rejects.toThrow(message);
});
