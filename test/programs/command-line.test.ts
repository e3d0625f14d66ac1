import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCsiClient } from '../../src/csi/client.ts';
import { parseEndpoint } from '../../src/daemon/endpoint.ts';
import { freePort } from '../../sandbox/cluster/free-port.ts';
import { startOurApi, type OurApi } from '../rig/our-api.ts';
import { buildProgram, type Program } from '../rig/program.ts';

let program: Program;
let ours: OurApi;
const children: ChildProcess[] = [];

beforeAll(async () => {
  [program, ours] = await Promise.all([buildProgram(), startOurApi()]);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await ours.close();
  await program[Symbol.asyncDispose]();
});

const kubeconfig = (): string => path.join(ours.folder, 'kubeconfig');

const OPERATOR_FLAGS = [
  'kubeconfig',
  'leader-election',
  'extender-listen',
  'metrics-listen',
  'csi-endpoint',
  'init-config',
  'strategy',
];
const AGENT_FLAGS = ['kubeconfig', 'node-name', 'csi-endpoint', 'metrics-endpoint'];

test.each([
  { command: 'operator', flags: OPERATOR_FLAGS },
  { command: 'agent', flags: AGENT_FLAGS },
])('$command --help describes every flag with its default', async ({ command, flags }) => {
  const { code, stdout } = await program.run(command, '--help');
  expect(code).toBe(0);
  const described = [...stdout.matchAll(/^ {2}--(?:\[no-\])?([a-z-]+).*\n {6}\S.* \[(?:default: .+|required)\]$/gm)];
  expect(described.map(([, name]) => name)).toEqual(expect.arrayContaining(flags));
  // Every flag is described: the help has one line that begins with `--` for each, and one for --help.
  expect(described).toHaveLength([...stdout.matchAll(/^ {2}--/gm)].length - 1);
});

test.each([
  { args: ['operator', '--bogus'], lines: ['unknown flag --bogus'] },
  { args: ['operator', '--kubeconfig', '/does/not/exist'], lines: ['/does/not/exist'] },
  { args: ['operator', '--extender-listen', '127.0.0.1:99999'], lines: ['--extender-listen: "127.0.0.1:99999"'] },
  {
    args: ['agent', '--node-name', 'n', '--csi-endpoint', 'unix:relative'],
    lines: ['--csi-endpoint: "unix:relative"'],
  },
  {
    args: ['agent', '--bogus', '--interval', 'soon', '--csi-endpoint', 'nowhere'],
    lines: ['unknown flag --bogus', '--node-name: is required', '--csi-endpoint: "nowhere"', '--interval: "soon"'],
  },
  { args: ['operate'], lines: ['"operate" is not a command: did you mean operator?'] },
  { args: ['docter'], lines: ['"docter" is not a command: did you mean doctor?'] },
  { args: ['doctor', '--contxt=x'], lines: ['unknown flag --contxt: did you mean --context?'] },
  { args: ['scheduler-config', '--bogus'], lines: ['kubeadm|k3s|rke2|deployment is missing', 'unknown flag --bogus'] },
  { args: ['scheduler-config', 'k3'], lines: ['"k3" is not one of its words: did you mean k3s?'] },
  { args: ['completion', 'tcsh'], lines: ['"tcsh" is not a shell that is known: use bash'] },
])('$args ends with exit code 2 and a line for each problem', async ({ args, lines }) => {
  const { code, stderr, stdout } = await program.run(...args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  const told = stderr.trimEnd().split('\n');
  expect(told).toHaveLength(lines.length);
  for (const line of lines) expect(stderr).toContain(line);
});

test('the list of commands has each, and help tells the flags of one', async () => {
  const { code, stdout } = await program.run();
  expect(code).toBe(0);
  const names = [...stdout.matchAll(/^ {2}([a-z-]+) +[A-Z]/gm)].map(([, name = '']) => name);
  expect(names).toEqual(expect.arrayContaining(['doctor', 'scheduler-config', 'completion', 'operator', 'sandbox']));
  const [told, asked] = [await program.run('help', 'doctor'), await program.run('doctor', '--help')];
  expect(told).toEqual(asked);
  expect(told.stdout).toMatch(/^Usage: kubectl open-local doctor \[flags\]\n/);
  for (const name of ['agent', 'operator', 'sandbox'])
    expect((await program.run(name, '--help')).stdout).toContain('--kubeconfig=FILE');
});

test('Tab gets commands and flags from the program itself', async () => {
  expect((await program.run('__complete', 'doc')).stdout).toBe('doctor\n:4\n');
  expect((await program.run('__complete', 'doctor', '--k')).stdout).toBe('--kubeconfig=\n:6\n');
  expect((await program.run('completion', 'bash')).stdout).toContain('complete -F _open_local open-local');
});

test('operator and agent start, serve and end cleanly on SIGTERM', async () => {
  const [extender, metrics] = [await freePort(), await freePort()];
  const sockets = { csi: path.join(ours.folder, 'csi.sock'), node: path.join(ours.folder, 'node.sock') };
  const metricsSocket = path.join(ours.folder, 'agent-metrics.sock');
  const disks = path.join(ours.folder, 'disks.json');
  await writeFile(disks, JSON.stringify({ disks: [], groups: [] }));

  const operator = start(
    ...['operator', '--kubeconfig', kubeconfig(), '--no-leader-election', '--init-config', 'open-local'],
    ...['--extender-listen', `127.0.0.1:${extender}`, '--metrics-listen', `127.0.0.1:${metrics}`],
    ...['--csi-endpoint', `unix://${sockets.csi}`, '--strategy', 'spread'],
  );
  const agent = start(
    ...['agent', '--kubeconfig', kubeconfig(), '--node-name', 'n1', '--csi-endpoint', `unix://${sockets.node}`],
    ...['--metrics-endpoint', `unix://${metricsSocket}`, '--simulated-disks', disks],
    ...['--simulated-mounts', path.join(ours.folder, 'mounts.json'), '--log-level', 'error'],
  );

  await until(async () => (await fetch(`http://127.0.0.1:${metrics}/readyz`)).ok);
  const answer = await fetch(`http://127.0.0.1:${extender}/scheduler/filter`, {
    method: 'POST',
    body: JSON.stringify({ Pod: { metadata: { name: 'p', namespace: 'd', uid: 'u' }, spec: {} }, NodeNames: ['n1'] }),
  });
  expect(await answer.json()).toMatchObject({ NodeNames: ['n1'], Error: '' });

  const node = createCsiClient(parseEndpoint(`unix://${sockets.node}`));
  const controller = createCsiClient(parseEndpoint(`unix://${sockets.csi}`));
  try {
    const signal = AbortSignal.timeout(20_000);
    await until(async () => (await node.node.nodeGetInfo({}, signal)).nodeId === 'n1');
    expect((await controller.identity.probe({}, signal)).ready).toBe(true);
  } finally {
    node.close();
    controller.close();
  }

  expect(await ended(operator)).toEqual({ code: 0, signal: null });
  expect(await ended(agent)).toEqual({ code: 0, signal: null });
});

function start(...args: readonly string[]): ChildProcess {
  const child = spawn(path.join(program.root, 'bin/open-local'), args, { stdio: 'ignore' });
  children.push(child);
  return child;
}

/** Sends SIGTERM and waits for the end. */
async function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  child.kill('SIGTERM');
  const [code, signal] = await exit;
  return { code, signal };
}

/**
 * Repeats the request until it is answered with yes: no event tells when a process listens. The test's time limit
 * bounds it.
 */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await delay(50);
}
