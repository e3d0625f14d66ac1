// oxlint-disable vitest/no-standalone-expect -- testOn's test is one, which the rule does not know
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { NODES, PODS } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { Pod } from '../../src/model/objects.ts';
import { parseSandboxConfig } from '../../sandbox/config.ts';
import { runSandbox } from '../../sandbox/run.ts';
import type { SandboxReport } from '../../sandbox/story/sandbox-report.ts';
import type { PodRow, Snapshot } from '../../sandbox/story/snapshot.ts';
import { parseStory } from '../../sandbox/story/story.ts';
import { testOn } from '../machine.ts';
import { eventually } from '../rig/eventually.ts';
import { buildProgram, CHECKOUT, type Program } from '../rig/program.ts';

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
}, 60_000);
afterAll(() => program[Symbol.asyncDispose]());

const GIB = 1024 ** 3;
const EXTENT = 4 * 1024 ** 2;

type NineStates = [Snapshot, Snapshot, Snapshot, Snapshot, Snapshot, Snapshot, Snapshot, Snapshot, Snapshot];
const isRace = ({ pod }: PodRow): boolean => pod.startsWith('default/race');

/** Plays the demo and returns the parts of its document that must be the same in every run. */
async function playDemo(lvm: 'simulated' | 'real'): Promise<Record<string, unknown>> {
  const args = ['--json', `--lvm=${lvm}`, `--log-dir=${program.logs}`];
  const { code, stdout, stderr } = await program.run('sandbox', ...args);
  const report = JSON.parse(stdout) as SandboxReport;
  const failed = report.steps.flatMap(({ title, findings }) =>
    findings.filter(({ ok }) => !ok).map((finding) => ({ title, ...finding })),
  );
  const { ok, error } = report;
  const ending = { code, stderr, failed, ok, error, left: await program.leftovers() };
  if (report.steps.length < 9 || failed.length > 0)
    throw new Error(`the demo ended after step ${report.steps.length}: ${JSON.stringify(ending)}`);

  const states = report.steps.map(({ state }) => state) as NineStates;
  const [groups, extended, web, grown, , race, second, tooBig, gone] = states;
  return {
    ...ending,
    totals: groups.groups.map(({ node, totalBytes }) => [node, totalBytes]),
    refused: groups.refused.map(({ node, what, why }) => [node, what, /carries filesystem ext4/.test(why)]),
    extended: extended.groups.map(({ disks, totalBytes }) => [disks.length, totalBytes]),
    webNodes: new Set(web.pods.map(({ node }) => node)),
    webBytes: web.claims.map(({ sizeBytes }) => sizeBytes),
    grown: grown.claims.map(({ claim, capacity, sizeBytes }) => [claim, capacity, sizeBytes]),
    raceNodes: race.pods.filter(isRace).map(({ node }) => node),
    secondNodes: second.pods.filter(isRace).map(({ node }) => node),
    tooBig: tooBig.pods.find(({ pod }) => pod === 'default/too-big')?.why?.replace(/ preemption:.*/, ''),
    gone: { ...gone, refused: [] },
    roomIsBack: isDeepStrictEqual(gone.groups, extended.groups),
  };
}

// Each group is smaller than its disks: LVM's metadata at the start of each, and a rest of less than an extent at the
// end.
const ONE_DISK = 20 * GIB - EXTENT;
const TWO_DISKS = ONE_DISK + 10 * GIB - EXTENT;
const NAMES = ['node-1', 'node-2', 'node-3', 'node-4'];
const EXPECTED = {
  code: 0,
  stderr: '',
  failed: [],
  ok: true,
  error: undefined,
  left: [],
  totals: NAMES.map((node) => [node, ONE_DISK]),
  refused: [['node-4', 'VolumeGroup/open-local-pool-1', true]],
  extended: [
    [1, ONE_DISK],
    [1, ONE_DISK],
    [2, TWO_DISKS],
    [1, ONE_DISK],
  ],
  webNodes: new Set(NAMES),
  webBytes: [6 * GIB, 6 * GIB, 6 * GIB, 6 * GIB],
  grown: [
    ['default/data-web-0', '8Gi', 8 * GIB],
    ['default/data-web-1', '6Gi', 6 * GIB],
    ['default/data-web-2', '6Gi', 6 * GIB],
    ['default/data-web-3', '6Gi', 6 * GIB],
  ],
  raceNodes: expect.toSatisfy((nodes: unknown[]) => isDeepStrictEqual(new Set(nodes), new Set(['node-3', undefined]))),
  secondNodes: ['node-3'],
  tooBig: expect.stringMatching(/^0\/4 nodes are available: 1 [^,]*, 3 [^,]*\.$/),
  gone: expect.objectContaining({ pods: [], claims: [] }),
  roomIsBack: true,
};

test('the demo ends as its story says, with the numbers that the objects have', async () => {
  expect(await playDemo('simulated')).toEqual(EXPECTED);
}, 120_000);

testOn('root', 'lvm2', 'loop devices')(
  'so it does on loop devices with real lvm2',
  async () => {
    expect(await playDemo('real')).toEqual(EXPECTED);
  },
  180_000,
);

/** Manifests that a person may apply: all of examples/ but the configuration, the stories and what belongs to them. */
async function exampleFiles(): Promise<string[]> {
  const files = await readdir(path.join(CHECKOUT, 'examples'), { recursive: true });
  const own = /^(lvm|device|mountpoint|features)\/.*\.yaml$|^limits\.yaml$/;
  return files.filter((file) => own.test(file));
}

test('every example is played, and ends as it should', async () => {
  const story = path.join(program.root, 'examples/play.yaml');
  const { code, stdout, stderr } = await program.run('sandbox', '--json', `--story=${story}`);
  const report = JSON.parse(stdout) as SandboxReport;
  const failed = report.steps.flatMap(({ title, findings }) =>
    findings.filter(({ ok }) => !ok).map((finding) => ({ title, ...finding })),
  );
  expect({ code, stderr, failed, error: report.error }).toEqual({ code: 0, stderr: '', failed: [], error: undefined });
  const { steps } = parseStory(await readFile(story, 'utf8'));
  const applied = steps.flatMap(({ actions }) =>
    actions.flatMap((action) => (action.do === 'apply' ? action.files : [])),
  );
  expect(applied).toEqual(expect.arrayContaining(await exampleFiles()));
  expect(await program.leftovers()).toEqual([]);
}, 120_000);

test('a story that does not come true ends with exit code 1, and tells what was found', async () => {
  const story = path.join(program.root, 'wrong.yaml');
  await writeFile(
    story,
    `nodes: [{ name: node-1, disks: [] }]
steps:
  - step: seven nodes
    apply: [deploy/csidriver.yaml]
    withinSeconds: 1
    expect: [{ says: there are seven, of: { kind: Node }, path: metadata.name, count: 7 }]
  - step: never played
    apply: [none.yaml]
    expect: [{ says: x, of: { kind: Node }, path: metadata.name, count: 1 }]
`,
  );
  const { code, stdout } = await program.run('sandbox', `--story=${story}`, `--log-dir=${program.logs}`);
  expect(code).toBe(1);
  expect(stdout).toMatch(/✗ there are seven\n +wanted metadata.name: 7 values\n +found +node-1\n/);
  expect(stdout).toContain('step 1 did not end as it should');
  expect(stdout).not.toContain('never played');
  expect(await program.leftovers()).toEqual([]);
}, 60_000);

test('--keep leaves the cluster up until Ctrl-C, which ends all of it', async () => {
  const args = ['sandbox', '--keep', `--log-dir=${program.logs}`];
  const { child, match } = await program.startUntil(args, /export KUBECONFIG=(\S+)/);
  const [, kubeconfig = ''] = match;
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test' });
  const nodes = await client.list(NODES, {}, AbortSignal.timeout(10_000));
  client.close();
  expect(nodes.items.map(({ metadata }) => metadata.name)).toEqual(NAMES);
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect(await program.leftovers()).toEqual([]);
}, 60_000);

/** As `kubectl create token` asks for it. */
async function tokenOf(account: string, kubeconfig: string): Promise<string> {
  const [, server] = /server: "?([^\s"]+)/.exec(await readFile(kubeconfig, 'utf8')) ?? [];
  const answer = await fetch(`${server}/api/v1/namespaces/default/serviceaccounts/${account}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} }),
  });
  return ((await answer.json()) as { status: { token: string } }).status.token;
}

test('--serve lets pods come and go, and tells where metrics and page are', async () => {
  const args = ['sandbox', '--serve', `--log-dir=${program.logs}`];
  const { child, match } = await program.startUntil(
    args,
    /KUBECONFIG=(\S+)\n.*metrics: (http:\S+)\nIts page: (http:\S+) /,
  );
  const [, kubeconfig = '', metrics = '', page = ''] = match;
  const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test' });
  await eventually(async () => {
    const { items } = await client.list(PODS, {}, AbortSignal.timeout(10_000));
    const traffic = items.filter(({ metadata }) => metadata.labels?.['app'] === 'traffic');
    const phaseOf = ({ status }: Pod): string | undefined => status?.phase;
    expect(traffic.map(({ metadata }) => metadata.name)).not.toContain('traffic-0');
    expect(traffic.map(phaseOf)).toEqual(expect.arrayContaining(['Running', 'Pending']));
  });
  client.close();
  const authorization = `Bearer ${await tokenOf('viewer', kubeconfig)}`;
  expect(await (await fetch(`${page}api/nodes`, { headers: { authorization } })).json()).toMatchObject({ all: 4 });
  expect(await (await fetch(page)).text()).toContain('<title>');
  expect(await (await fetch(metrics)).text()).toMatch(/^local_volume_group_total\{/m);
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect(await program.leftovers()).toEqual([]);
}, 90_000);

test('Ctrl-C in the middle ends all of it, with exit code 1', async () => {
  const { child } = await program.startUntil(['sandbox', `--log-dir=${program.logs}`], /^3\/9/m);
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  expect(await ended).toEqual([1, null]);
  expect(await program.leftovers()).toEqual([]);
}, 60_000);

test('a reader that ends, as in `sandbox | head`, ends all of it', async () => {
  const { child } = await program.startUntil(['sandbox', `--log-dir=${program.logs}`], /^2\/9/m);
  const ended = once(child, 'exit');
  child.stdout?.destroy();
  expect(await ended).toEqual([1, null]);
  expect(await program.leftovers()).toEqual([]);
}, 60_000);

test('a terminal that is closed ends all of it', async () => {
  const { child } = await program.startUntil(['sandbox', '--keep', `--log-dir=${program.logs}`], /KUBECONFIG=/);
  const ended = once(child, 'exit');
  child.kill('SIGHUP');
  expect(await ended).toEqual([0, null]);
  expect(await program.leftovers()).toEqual([]);
}, 60_000);

test('a sandbox that is killed leaves no process behind', async () => {
  const { child } = await program.startUntil(['sandbox', `--log-dir=${program.logs}`], /^2\/9/m);
  const running = await program.processes();
  expect(running.length).toBeGreaterThanOrEqual(6); // the sandbox, the operator and four agents
  child.kill('SIGKILL');
  await eventually(async () => expect(await program.processes()).toEqual([]));
  await program.clear();
}, 60_000);

test('`make demo JSON=1` prints one JSON document and nothing else, whatever npm says', async () => {
  for (const name of ['Makefile', 'package.json', 'package-lock.json', '.npmrc'])
    await cp(path.join(CHECKOUT, name), path.join(program.root, name), { preserveTimestamps: true });
  const npm = path.join(program.root, 'fake-bin/npm');
  await mkdir(path.dirname(npm));
  await writeFile(npm, '#!/bin/sh\necho "npm says something on its standard output"\n', { mode: 0o755 });
  const { stdout } = await promisify(execFile)('make', ['demo', 'JSON=1'], {
    cwd: program.root,
    env: { PATH: `${path.dirname(npm)}:/usr/sbin:/usr/bin:/sbin:/bin` },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 100_000,
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
}, 120_000);

test('a program of ours that dies by itself ends the story, named', async () => {
  const report = await runSandbox(
    parseSandboxConfig(['--json', `--log-dir=${program.logs}`], {}),
    {
      root: program.root,
      write: () => {},
      beside: async ({ operator }) => void process.kill(operator.pid ?? 0, 'SIGKILL'),
    },
    AbortSignal.timeout(60_000),
  );
  expect(report).toMatchObject({
    ok: false,
    error: expect.stringMatching(/^operator was ended by SIGKILL.*operator\.log$/),
  });
  expect(await program.leftovers()).toEqual([]);
}, 60_000);

test.each([
  [['--lvm=none'], /--lvm/],
  [['--json', '--keep'], /--json and --keep/],
  [['--json', '--serve'], /--json and --serve/],
  [['--story=/nowhere.yaml'], /\/nowhere\.yaml/],
])('%j cannot be used: one line, exit code 2', async (args, message) => {
  const { code, stdout, stderr } = await program.run('sandbox', ...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
