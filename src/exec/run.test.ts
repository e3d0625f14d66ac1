import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CommandFailed } from './command-failed.ts';
import { createFakeRun, exits } from './fake-run.ts';
import { PIPE_GRACE_MS, run } from './run.ts';

const never = new AbortController().signal;
/** For a busy machine: it is the state that counts. */
const eventually = { timeout: 20_000 };
const soon = { timeoutMs: 20_000 };
/** A program of our own: Node itself runs the script. */
const node = (script: string, ...args: string[]): string[] => [process.execPath, '-e', script, '--', ...args];
const failureOf = async (promise: Promise<unknown>): Promise<CommandFailed> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(CommandFailed);
      return error as CommandFailed;
    },
  );
/** Whether a process runs; one that is dead but not yet reaped by its parent does not. */
const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
};

test('arguments reach the program as they are: no shell reads them', async () => {
  const args = ['$HOME', 'a b', '*', '; false', '"'];
  const { stdout } = await run(['printf', '%s\\n', ...args], soon, never);
  expect(stdout.split('\n')).toEqual([...args, '']);
});

test('the child sees PATH, LC_ALL and the extra variables, nothing of ours', async () => {
  const { stdout } = await run(['env'], { ...soon, env: { EXTRA: '1' } }, never);
  const names = stdout.split('\n').map((line) => line.split('=')[0]);
  expect(new Set(names)).toEqual(new Set(['', 'EXTRA', 'LC_ALL', 'PATH']));
  expect(stdout).toContain('LC_ALL=C\n');
});

test('stdin is written and closed; the two outputs are told apart', async () => {
  const script = 'process.stdin.on("data", d => { process.stdout.write(d); process.stderr.write("e"); })';
  expect(await run(node(script), { ...soon, stdin: 'höllo' }, never)).toEqual({ stdout: 'höllo', stderr: 'e' });
});

test('a program that never reads its stdin is no error', async () => {
  expect(await run(['true'], { ...soon, stdin: 'x'.repeat(1_000_000) }, never)).toEqual({ stdout: '', stderr: '' });
});

test('another exit code is a failure with everything known about it', async () => {
  const failure = await failureOf(run(['sh', '-c', 'echo out; echo broken >&2; exit 5'], soon, never));
  expect(failure).toMatchObject({ exitCode: 5, signal: undefined, stdout: 'out\n', stderr: 'broken\n' });
  expect(failure.message).toBe('sh -c echo out; echo broken >&2; exit 5 exited with 5: broken');
});

test('a program that dies by a signal', async () => {
  const failure = await failureOf(run(['sh', '-c', 'kill -KILL $$'], soon, never));
  expect(failure).toMatchObject({ exitCode: undefined, signal: 'SIGKILL' });
});

test('a program that is not there', async () => {
  const failure = await failureOf(run(['no-such-program'], soon, never));
  expect(failure.message).toMatch(/^no-such-program could not be started: .*ENOENT/);
});

test('time runs out: the program and its children are gone when the call fails', async () => {
  // The parent reports the pid of a child that would outlive it.
  const argv = ['sh', '-c', 'sleep 300 & echo $!; wait'];
  const failure = await failureOf(run(argv, { timeoutMs: 1500 }, never));
  expect(failure.message).toContain('did not end within 1500 ms');
  expect(failure.signal).toBe('SIGTERM');
  expect(Number(failure.stdout)).toBeGreaterThan(0);
  await expect.poll(() => isAlive(Number(failure.stdout)), eventually).toBe(false);
});

test('a program that goes on telling is let run for as long as it does, and what it tells is heard', async () => {
  const heard: string[] = [];
  const telling = { timeoutMs: 1500, onOutput: (text: string) => void heard.push(text) };
  const { stdout } = await run(['sh', '-c', 'for i in 1 2 3 4; do sleep 0.6; echo $i; done'], telling, never);
  expect(heard.join('')).toBe(stdout);
  expect(stdout).toBe('1\n2\n3\n4\n');
  const failure = await failureOf(run(['sh', '-c', 'echo 1; exec sleep 300'], telling, never));
  expect(failure.message).toContain('wrote nothing for 1500 ms');
});

test('a character that comes in two pieces is heard whole', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'run-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const go = path.join(folder, 'go');
  const heard: string[] = [];
  const onOutput = (text: string): void => {
    heard.push(text);
    writeFileSync(go, '');
  };
  const script = String.raw`printf 'h\303'; until [ -e "$0" ]; do sleep 0.01; done; printf '\266llo'`;
  await run(['sh', '-c', script, go], { ...soon, onOutput }, never);
  expect(heard).toEqual(['h', 'öllo']);
});

test('what the listener of its output throws ends the program, and is thrown', async () => {
  const heard: string[] = [];
  const refusal = new Error('not understood');
  const onOutput = (text: string): void => {
    heard.push(text);
    throw refusal;
  };
  const script = 'echo $$; while :; do sleep 0.05; echo more; done';
  await expect(run(['sh', '-c', script], { ...soon, onOutput }, never)).rejects.toBe(refusal);
  expect(heard).toHaveLength(1);
  expect(isAlive(Number(heard[0]))).toBe(false);
});

test('a program that ignores SIGTERM is killed all the same', async () => {
  const failure = await failureOf(
    // It writes too much once the trap is set, and that is what it is killed for.
    run(
      ['sh', '-c', 'trap "" TERM; head -c 2000 /dev/zero; while :; do sleep 0.1; done'],
      { ...soon, maxOutputBytes: 1000 },
      never,
    ),
  );
  expect(failure.signal).toBe('SIGKILL');
});

test('a program has the time to end that it is given, and is killed then', async () => {
  const script = 'trap "sleep 1; exit 7" TERM; head -c 2000 /dev/zero; while :; do sleep 0.1; done';
  const endOf = async (endWithinMs: number) => {
    const options = { ...soon, maxOutputBytes: 1000, endWithinMs };
    const { exitCode, signal } = await failureOf(run(['sh', '-c', script], options, never));
    return { exitCode, signal };
  };
  expect(await endOf(20)).toEqual({ exitCode: undefined, signal: 'SIGKILL' });
  expect(await endOf(20_000)).toEqual({ exitCode: 7, signal: undefined });
});

test('a program on a lifeline is told when who started it is gone, and not before', async () => {
  const script = `import(${JSON.stringify(path.join(import.meta.dirname, 'run.ts'))}).then(({ run }) => {
    const options = { timeoutMs: 60_000, stdin: 'hallo\\n', lifeline: true, onOutput: (text) => process.stdout.write(text) };
    return run(['sh', '-c', 'read -r word; timeout 0.3 cat; echo "$word $? $$"; read -r more'], options, new AbortController().signal);
  })`;
  const starter = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void starter.kill('SIGKILL'));
  const [said] = (await once(starter.stdout, 'data')) as [Buffer];
  const [, pid] = /^hallo 124 (\d+)\n$/.exec(said.toString()) ?? [];
  expect(isAlive(Number(pid))).toBe(true);
  starter.kill('SIGKILL');
  await expect.poll(() => isAlive(Number(pid)), eventually).toBe(false);
});

test('an abort ends the program and rejects with the reason', async () => {
  const controller = new AbortController();
  const reason = new Error('stopping');
  const running = run(['sleep', '300'], soon, controller.signal);
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
});

test('an aborted signal starts nothing', async () => {
  await expect(run(['no-such-program'], soon, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
});

test('more output than allowed ends the program', async () => {
  const failure = await failureOf(run(['yes'], { ...soon, maxOutputBytes: 1000 }, never));
  expect(failure.message).toContain('wrote more than 1000 bytes');
});

test('as much output as allowed is no failure, of either kind', async () => {
  const { stdout, stderr } = await run(
    ['sh', '-c', 'echo -n 12345; echo -n 54321 >&2'],
    { ...soon, maxOutputBytes: 5 },
    never,
  );
  expect([stdout, stderr]).toEqual(['12345', '54321']);
});

test('what a program wrote is read, though its end was heard before and the machine was busy since', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'run-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pidFile = path.join(folder, 'pid');
  const go = path.join(folder, 'go');
  const waitSync = (holds: () => boolean): void => {
    for (const step = new Int32Array(new SharedArrayBuffer(4)); !holds();) Atomics.wait(step, 0, 0, 5);
  };
  const script = 'echo $$ > "$0.new"; mv "$0.new" "$0"; until [ -e "$1" ]; do sleep 0.01; done; echo out; echo err >&2';
  const ran = run(['sh', '-c', script, pidFile, go], soon, never);
  waitSync(() => existsSync(pidFile));
  const pid = Number(readFileSync(pidFile, 'utf8'));
  // This one's end brings the other's with it: the system is asked for all children that have ended.
  const other = spawn('echo', ['x']);
  other.stdout.once('data', () => {
    writeFileSync(go, '');
    waitSync(() => !isAlive(pid));
    setImmediate(() => {
      const end = performance.now() + PIPE_GRACE_MS + 100;
      waitSync(() => performance.now() > end);
    });
  });
  waitSync(() => !isAlive(other.pid ?? 0));
  expect(await ran).toEqual({ stdout: 'out\n', stderr: 'err\n' });
});

test('binary output has one character for each byte', async () => {
  const { stdout } = await run(['printf', '\\377\\000\\200'], { ...soon, binary: true }, never);
  expect([...Buffer.from(stdout, 'latin1')]).toEqual([255, 0, 128]);
});

test('a daemon left behind that holds the pipes does not hold the call', async () => {
  const { stdout } = await run(['sh', '-c', 'sleep 300 & echo $!'], soon, never);
  const pid = Number(stdout);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid);
});

test('an abort after the end ends nothing any more: the group may belong to somebody else by then', async () => {
  const controller = new AbortController();
  const { stdout } = await run(['sh', '-c', 'sleep 300 & echo $!'], soon, controller.signal);
  const pid = Number(stdout);
  controller.abort(new Error('too late'));
  await run(['sleep', '0.2'], soon, never);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid);
});

test('a fake run answers by its script and remembers the calls', async () => {
  const fake = createFakeRun((argv) =>
    argv[0] === 'vgs' ? '{}' : argv[0] === 'lvs' ? exits(argv, 5, 'no') : undefined,
  );
  expect(await fake.run(['vgs', '-a'], soon, never)).toEqual({ stdout: '{}', stderr: '' });
  expect((await failureOf(fake.run(['lvs'], soon, never))).exitCode).toBe(5);
  await expect(fake.run(['pvs'], soon, never)).rejects.toThrow('no script for: pvs');
  expect(fake.calls).toEqual([['vgs', '-a'], ['lvs'], ['pvs']]);
});

test('a fake run that never answers ends on abort', async () => {
  const controller = new AbortController();
  const running = createFakeRun(() => new Promise(() => {})).run(['vgs'], soon, controller.signal);
  controller.abort(new Error('over'));
  await expect(running).rejects.toThrow('over');
});

test('warnings without end are no reason to kill a program: their beginning and end are kept', async () => {
  const script =
    'process.stderr.write("first" + "w".repeat(20_000_000) + "last", () => process.stdout.write("report"))';
  const { stdout, stderr } = await run(node(script), soon, never);
  expect(stdout).toBe('report');
  expect(stderr).toMatch(/^first.*bytes.*last$/s);
  expect(stderr.length).toBeLessThan(200_000);
});
