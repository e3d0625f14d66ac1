import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtImage, scratch } from './built-image.ts';

/** What takes minutes: two builds that share nothing, and the Dockerfile's own build of the bundles. */
const run = promisify(execFile);
const BUILD_MS = 1_500_000;

let dir: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  ({ dir } = stack.use(await scratch()));
});
afterAll(() => stack.disposeAsync());

describe('built from nothing', { timeout: BUILD_MS }, () => {
  test('two builds have one digest', async () => {
    const digests: string[] = [];
    for (const name of ['first', 'second']) digests.push((await builtImage({ cache: path.join(dir, name) })).digest);
    expect(digests[1]).toBe(digests[0]);
  });

  test('the bundles that `docker build` makes are those of `make build`', async () => {
    const cache = path.join(dir, 'first');
    await builtImage({ cache });
    await mkdir(path.join(dir, 'stage'));
    const script = path.join(import.meta.dirname, 'build-stage.sh');
    const env = { ...process.env, OPEN_LOCAL_CACHE: cache };
    const { stdout } = await run(script, [path.join(dir, 'stage')], { env, timeout: BUILD_MS, maxBuffer: 1 << 26 });
    expect(stdout).toBe('');
  });
});
