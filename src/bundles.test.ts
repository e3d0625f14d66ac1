import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../test/rig/eventually.ts';
import { VERSION } from './version.ts';

const root = path.dirname(import.meta.dirname);
let dist: string;

beforeAll(async () => {
  dist = await mkdtemp(path.join(tmpdir(), 'open-local-bundles-'));
  await promisify(execFile)(process.execPath, [path.join(root, 'build.ts'), dist], { cwd: root });
  // Nobody listens at port 9, so the operator stays without objects, and says so.
  const cluster = 'clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]\nusers: [{name: u, user: {}}]';
  const contexts = 'contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n';
  await writeFile(path.join(dist, 'kubeconfig.yaml'), `${cluster}\n${contexts}`);
  // A busy machine takes its time to build five bundles.
}, 120_000);
afterAll(() => rm(dist, { recursive: true, force: true }));

interface Contents {
  /** Of npm, those that give the bundle at least a byte. */
  readonly packages: ReadonlySet<string>;
  /** Of ours, as `src/kube`, or `sandbox`. */
  readonly folders: ReadonlySet<string>;
  readonly sizeBytes: number;
}

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      { readonly bytes: number; readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }
    >
  >;
}

/** What a bundle holds, from the metafile that its build wrote. */
async function contents(bundle: string): Promise<Contents> {
  const metafile = JSON.parse(await readFile(path.join(dist, `${bundle}.meta.json`), 'utf8')) as Metafile;
  const found = Object.entries(metafile.outputs).find(([file]) => /\.c?js$/.test(file));
  if (!found) throw new Error(`the build of ${bundle} has no output`);
  const [, { bytes: sizeBytes, inputs }] = found;
  const packages = new Set<string>();
  const folders = new Set<string>();
  for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
    if (bytesInOutput === 0 || file.startsWith('left-out:')) continue;
    const [, inPackage] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(file) ?? [];
    const [top = '', folder = ''] = file.split('/');
    if (inPackage !== undefined) packages.add(inPackage);
    else folders.add(top === 'src' ? `src/${folder}` : top);
  }
  return { packages, folders, sizeBytes };
}

/** What only tests, or people's programs, are for; grpc-js and Fastify load the others for what nobody here uses. */
const NOWHERE = [
  ...['@kubernetes/client-node', 'undici', 'vitest', 'fast-check', 'esbuild', 'typescript'],
  ...['ajv', 'ajv-formats', 'light-my-request', '@grpc/proto-loader', 'protobufjs', '@fastify/ajv-compiler'],
];
const CEL = '@marcbachmann/cel-js';
/** What the browser gets is in the operator's bundle as a text. */
const IN_BROWSER = 'preact';

/** The yaml parser is in all of them: each reads a kubeconfig, and loads the parser only then. */
const PROGRAMS = [
  {
    bundle: 'open-local',
    has: {
      folders: ['src/operator', 'src/extender', 'src/capacity', 'src/page'],
      packages: ['fastify', '@grpc/grpc-js', 'yaml'],
    },
    hasNot: {
      folders: ['sandbox', 'test', 'src/agent', 'src/lvm', 'src/disk', 'src/cgroup', 'src/doctor'],
      packages: [CEL],
    },
  },
  {
    bundle: 'agent',
    has: { folders: ['src/agent', 'src/lvm', 'src/disk', 'src/mount'], packages: ['@grpc/grpc-js', 'yaml'] },
    hasNot: {
      folders: ['sandbox', 'test', 'src/operator', 'src/extender', 'src/capacity', 'src/page'],
      packages: [CEL, 'fastify'],
    },
  },
  {
    bundle: 'copy',
    has: { folders: ['src/copy', 'src/exec'], packages: [] },
    hasNot: {
      folders: ['sandbox', 'test', 'src/agent', 'src/kube', 'src/csi'],
      packages: [CEL, '@grpc/grpc-js', 'pino'],
    },
  },
  {
    bundle: 'people',
    // Of the agent only what decides: `plan` asks it.
    has: { folders: ['src/doctor', 'src/setup', 'src/people', 'src/capacity', 'src/agent'], packages: ['yaml'] },
    hasNot: {
      folders: [
        'sandbox',
        'test',
        'src/cgroup',
        'src/copy',
        'src/crypt',
        'src/host',
        'src/extender',
        'src/csi',
        'src/page',
      ],
      packages: [CEL, 'fastify', '@grpc/grpc-js', 'pino'],
    },
  },
  {
    bundle: 'sandbox',
    has: { folders: ['sandbox', 'src/agent', 'src/lvm'], packages: ['@grpc/grpc-js', 'yaml', CEL] },
    hasNot: { folders: ['test', 'src/extender', 'src/capacity'], packages: ['fastify'] },
  },
] as const;

test.each(PROGRAMS)('the program $bundle holds what it uses and nothing else', async ({ bundle, has, hasNot }) => {
  const { packages, folders, sizeBytes } = await contents(bundle);
  process.stdout.write(`${bundle}.cjs: ${(sizeBytes / 1e6).toFixed(2)} MB, ${packages.size} packages of npm\n`);
  expect([...folders]).toEqual(expect.arrayContaining([...has.folders]));
  expect([...packages]).toEqual(expect.arrayContaining([...has.packages]));
  const excluded: readonly string[] = [...hasNot.folders, ...hasNot.packages, ...NOWHERE, IN_BROWSER];
  expect([...folders, ...packages].filter((name) => excluded.includes(name))).toEqual([]);
});

test.each(['open-local', 'agent'])('V8 keeps the text of the program %s in one byte a character', async (bundle) => {
  // One character beyond Latin-1, in a comment within a class too, doubles what the whole text takes in memory.
  const program = await readFile(path.join(dist, `${bundle}.cjs`), 'utf8');
  expect(program.match(/^.*[^\0-\xff].*$/m)?.[0]).toBeUndefined();
});

test('what the browser gets is small, of this checkout and Preact alone, and asks nobody else for anything', async () => {
  const { packages, folders, sizeBytes } = await contents('page');
  expect([[...packages], [...folders].toSorted()]).toEqual([[IN_BROWSER], ['src/model', 'src/page']]);
  expect(sizeBytes).toBeLessThan(64_000);
  const socket = path.join(dist, 'page.sock');
  const operator = spawnOperator([`--page-listen=unix://${socket}`, '--extender-listen=none']);
  try {
    const html = await eventually(() => get(socket, '/'));
    const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file = '']) => file);
    expect(named.toSorted()).toEqual(['icon.svg', 'page.css', 'page.js']);
    for (const file of ['', ...named]) {
      const text = await get(socket, `/${file}`);
      expect(text.length).toBeGreaterThan(100);
      // Names of XML's vocabularies are no addresses.
      expect(text.replaceAll(/http:\/\/www\.w3\.org\/[\w/]+/g, '')).not.toMatch(/https?:\/\//);
    }
    expect(await get(socket, '/api/nodes')).toMatch(/not read all objects yet|log in/);
  } finally {
    operator.process.kill('SIGTERM');
    expect(await operator.ended).toEqual([0, null]);
  }
});

/** The built operator on an API server that nobody runs. */
function spawnOperator(flags: readonly string[]) {
  const kubeconfig = path.join(dist, 'kubeconfig.yaml');
  const off = ['--metrics-listen=none', '--csi-endpoint=none', '--log-level=error', '--no-leader-election'];
  const args = ['operator', `--kubeconfig=${kubeconfig}`, ...flags, ...off];
  const operator = spawn(process.execPath, [path.join(dist, 'open-local.cjs'), ...args]);
  return { process: operator, ended: once(operator, 'exit'), said: text(operator.stderr) };
}

/** GETs from a unix socket. Rejects while nobody listens. */
async function get(socketPath: string, url: string): Promise<string> {
  const call = request({ socketPath, path: url });
  call.end();
  const [reply] = (await once(call, 'response')) as [NodeJS.ReadableStream];
  return text(reply);
}

/** POSTs JSON to a unix socket. Rejects while nobody listens. */
async function post(socketPath: string, url: string, body: unknown): Promise<string> {
  const call = request({ socketPath, path: url, method: 'POST' });
  call.end(JSON.stringify(body));
  const [reply] = (await once(call, 'response')) as [NodeJS.ReadableStream];
  return text(reply);
}

test('the bundled operator answers kube-scheduler without what was left out of it', async () => {
  const socket = path.join(dist, 'extender.sock');
  const operator = spawnOperator([`--extender-listen=unix://${socket}`]);
  try {
    const pod = { metadata: { name: 'p', namespace: 'default', uid: 'u' }, spec: { containers: [] } };
    const answer = await eventually(() => post(socket, '/scheduler/filter', { Pod: pod, NodeNames: ['n1'] }));
    expect(JSON.parse(answer)).toMatchObject({ Error: expect.stringContaining('not listed yet') });
  } finally {
    operator.process.kill('SIGTERM');
    expect(await operator.ended).toEqual([0, null]);
  }
  expect(await operator.said).toBe('');
});

test('the doctor finds what is missing in definitions without a file of the checkout', async () => {
  const text = await readFile(path.join(dist, 'people.cjs'), 'utf8');
  expect(text).toContain('status.host.kubeletFolder');
  expect(text).toContain('pods/binding');
  expect(text).not.toMatch(/readFileSync\)?\([^)]*FOLDER/);
});

test('the program tells the version of the package', async () => {
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
  expect(VERSION).toBe(version);
});
