// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { testOn } from '../machine.ts';

const test = testOn('root');
const never = new AbortController().signal;
const MODULES = path.join(import.meta.dirname, '../../src');

/** Runs as the agent does in its container: what it mounts goes to the machine only where that is `shared`. */
async function mountedWith(propagation: 'private' | 'shared'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-seen-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = `
    const { createHostMounts } = await import('${MODULES}/mount/mounts.ts');
    const { run } = await import('${MODULES}/exec/run.ts');
    const signal = AbortSignal.timeout(20_000);
    const mounts = createHostMounts(run);
    await run(['mount', '-t', 'tmpfs', 'none', '${folder}'], { timeoutMs: 20_000 }, signal);
    const entry = (await mounts.list(signal)).findLast(({ target }) => target === '${folder}');
    process.stdout.write(String(await mounts.isSeenOutside(entry, signal)));
    await mounts.unmount('${folder}', signal);`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const apart = ['unshare', '--mount', '--propagation', propagation, '--', ...node];
  // The machine is a namespace of its own, too: whether the real one shares its mounts is not to be changed.
  const machine = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--propagation', 'private', '--'];
  const share = `mount --bind ${tmpdir()} ${tmpdir()} && mount --make-shared ${tmpdir()} && ${quoted(apart)}`;
  return (await run([...machine, 'sh', '-c', share], { timeoutMs: 60_000 }, never)).stdout;
}

const quoted = (argv: readonly string[]): string =>
  argv.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');

test('what is mounted in a container is seen by the machine where mounts propagate, and not otherwise', async () => {
  expect(await mountedWith('shared')).toBe('true');
  expect(await mountedWith('private')).toBe('false');
});
