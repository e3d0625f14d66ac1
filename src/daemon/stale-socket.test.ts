import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { freeSocketPath } from './stale-socket.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'socket-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

test('the folders above are made, and nothing else', async () => {
  const at = path.join(folder, 'a/b/csi.sock');
  await freeSocketPath(at);
  expect(statSync(path.dirname(at)).isDirectory()).toBe(true);
  expect(existsSync(at)).toBe(false);
});

test('a socket that a killed process left is removed', async () => {
  const at = path.join(folder, 'csi.sock');
  const program = `require('node:net').createServer().listen(${JSON.stringify(at)}, () => console.log('listens'))`;
  const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(existsSync(at)).toBe(true);
  await freeSocketPath(at);
  expect(existsSync(at)).toBe(false);
});

test('a socket on which somebody listens stays, and is told', async () => {
  const at = path.join(folder, 'csi.sock');
  const server = createServer((connection) => connection.end());
  server.listen(at);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  await expect(freeSocketPath(at)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/another process listens on .*csi\.sock: stop it/) as string,
  });
  expect(existsSync(at)).toBe(true);
});

test('a file that is no socket stays, and is told', async () => {
  const at = path.join(folder, 'csi.sock');
  writeFileSync(at, 'precious');
  await expect(freeSocketPath(at)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/is no socket: remove it/) as string,
  });
  expect(existsSync(at)).toBe(true);
});

test('what cannot be looked at is not taken for free', async () => {
  writeFileSync(path.join(folder, 'file'), '');
  const long = path.join(folder, 'x'.repeat(300));
  await expect(freeSocketPath(long)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
});
