import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const root = path.join(import.meta.dirname, '..');

/**
 * Runs vitest with the summary on one planted test file. No program is found there, and `CI` is unset unless `env` sets
 * it.
 */
async function summaryOf(
  file: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly lines: string[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'summary-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const config = {
    test: { include: ['*.planted.ts'], pool: 'forks', reporters: [path.join(root, 'test/summary.ts')] },
  };
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)};`);
  await writeFile(path.join(folder, 'a.planted.ts'), `import { beforeAll, test } from 'vitest';\n${file}`);
  const { promise, resolve } = Promise.withResolvers<number>();
  const env = { PATH: folder, ...more, TEST_SUMMARY: path.join(folder, 'summary') };
  const args = [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder];
  execFile(process.execPath, args, { cwd: folder, env, timeout: 25_000 }, (error) => {
    resolve(error ? Number(error.code ?? -1) : 0);
  });
  const code = await promise;
  const text = await readFile(env.TEST_SUMMARY, 'utf8');
  return { code, lines: text.trimEnd().split('\n') };
}

const NEVER = 'new Promise(() => {})';

test('a run in which everything passes says so', async () => {
  expect(await summaryOf(`test('a', () => {}); test.skip('b', () => {});`)).toEqual({
    code: 0,
    lines: ['left out: b', '1 passed, 0 failed, 1 skipped'],
  });
});

test.each([
  [
    'a test that fails',
    `test('a', () => { throw new Error('wrong\\nsecond line'); });`,
    ['failed: a.planted.ts: a: wrong', '0 passed, 1 failed, 0 skipped'],
  ],
  [
    'a hook that fails, whose tests are skipped',
    `beforeAll(() => { throw new Error('no room'); }); test('a', () => {});`,
    ['left out: a', 'failed: a.planted.ts: no room', '0 passed, 1 failed, 1 skipped'],
  ],
  [
    'a file that cannot be loaded',
    `throw new Error('at import'); test('a', () => {});`,
    ['failed: a.planted.ts: at import', '0 passed, 1 failed, 0 skipped'],
  ],
  [
    'a rejection that no test awaits',
    `test('a', () => { void Promise.reject(new Error('nobody awaits this')); });`,
    ['failed: a.planted.ts: Unhandled Rejection: nobody awaits this', '1 passed, 1 failed, 0 skipped'],
  ],
  [
    'a worker that crashes in a test',
    `test('a', () => { process.kill(process.pid, 'SIGKILL'); return ${NEVER}; });`,
    [
      'failed: a.planted.ts: a: it did not end',
      expect.stringMatching(/^failed: .*: Unhandled Error: .*Worker exited unexpectedly with signal SIGKILL/),
      '0 passed, 2 failed, 0 skipped',
    ],
  ],
  [
    'a worker that crashes before its tests are known',
    `process.kill(process.pid, 'SIGKILL'); await ${NEVER};`,
    [
      'failed: a.planted.ts: the file did not run to its end',
      expect.stringMatching(/^failed: .*: Unhandled Error: .*Worker exited unexpectedly/),
      '0 passed, 2 failed, 0 skipped',
    ],
  ],
])('%s is counted and named in the line that a machine reads', async (_, file, lines) => {
  expect(await summaryOf(file)).toEqual({ code: 1, lines });
});

const NEEDY = `import { testOn } from ${JSON.stringify(path.join(root, 'test/machine.ts'))}; testOn('qemu')('a', () => {});`;

test('a test that needs what the machine lacks is left out with the reason, and fails in CI', async () => {
  const away = await summaryOf(NEEDY);
  expect(away).toEqual({ code: 0, lines: ['left out: a [needs qemu]', '0 passed, 0 failed, 1 skipped'] });
  const inCi = await summaryOf(NEEDY, { CI: 'true' });
  expect(inCi).toEqual({
    code: 1,
    lines: ['failed: a.planted.ts: a: needs qemu: in CI every test must run', '0 passed, 1 failed, 0 skipped'],
  });
});

test('no test is skipped by a condition of its own: only testOn knows that in CI nothing may be missing', async () => {
  const folders = await Promise.all(
    ['src', 'sandbox', 'test'].map(async (folder) => {
      const names = await readdir(path.join(root, folder), { recursive: true });
      return names.filter((name) => name.endsWith('.ts')).map((name) => path.join(folder, name));
    }),
  );
  const files = folders.flat().filter((file) => file !== 'test/summary.test.ts');
  const texts = await Promise.all(
    files.map(async (file) => ({ file, text: await readFile(path.join(root, file), 'utf8') })),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(texts.filter(({ text }) => /\.(skipIf|runIf)\(/.test(text)).map(({ file }) => file)).toEqual([]);
});
