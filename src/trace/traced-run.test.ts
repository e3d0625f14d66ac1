import { expect, test } from 'vitest';
import { run } from '../exec/run.ts';
import { createTracer, type EndedSpan } from './recording-tracer.ts';
import { tracedRun } from './traced-run.ts';

function tracing() {
  const ended: EndedSpan[] = [];
  const tracer = createTracer({ sampling: 1, onEnd: (span) => ended.push(span) });
  return { tracer, ended, run: tracedRun(run, tracer) };
}
const signal = AbortSignal.timeout(30_000);

test('a program that is run for a span is told with its arguments, and neither its input nor its output', async () => {
  const { tracer, ended, run: traced } = tracing();
  const { stdout } = await tracer.enter({ name: 'call' }, () =>
    traced(['/bin/cat', '-'], { timeoutMs: 10_000, stdin: 'open sesame' }, signal),
  );
  expect(stdout).toBe('open sesame');
  const [program, call] = ended;
  expect(program).toMatchObject({
    ...{ name: 'cat', parentId: call?.spanId, traceId: call?.traceId },
    attributes: { 'process.command_args': ['/bin/cat', '-'] },
  });
  expect(JSON.stringify(ended)).not.toContain('sesame');
});

test('how a program ended is told, and not what it said', async () => {
  const { tracer, ended, run: traced } = tracing();
  const cry = ['/bin/sh', '-c', 'read word; echo "$word is wrong" >&2; exit 5'];
  const failing = tracer.enter({ name: 'call' }, async (span) => {
    span.fail('refused');
    await traced(cry, { timeoutMs: 10_000, stdin: 'sesame\n' }, signal);
  });
  await expect(failing).rejects.toThrow('sesame is wrong');
  expect(ended.map(({ name, failure }) => [name, failure])).toEqual([
    ['sh', 'exited with 5'],
    ['call', 'refused'],
  ]);
  expect(JSON.stringify(ended)).not.toContain('sesame');
});

test("lvm's programs are told by their own names", async () => {
  const { tracer, ended } = tracing();
  const traced = tracedRun(() => Promise.resolve({ stdout: '', stderr: '' }), tracer);
  await tracer.enter({ name: 'call' }, () => traced(['lvm', 'lvcreate', '-n', 'x'], { timeoutMs: 1 }, signal));
  expect(ended[0]?.name).toBe('lvcreate');
});

test('what is run for no span is told to nobody', async () => {
  const { ended, run: traced } = tracing();
  await traced(['/bin/true'], { timeoutMs: 10_000 }, signal);
  expect(ended).toEqual([]);
});
