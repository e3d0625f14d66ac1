import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { whenAborted } from '../daemon/lifecycle.ts';
import { createLog } from '../daemon/log.ts';
import { run } from '../exec/run.ts';
import { Fault, textOf } from '../model/fault.ts';
import type { KubeObject } from '../model/objects.ts';
import { TOPOLOGY_KEY } from '../model/well-known.ts';
import { startCluster, type Cluster } from './cluster.ts';
import type { SandboxConfig } from './config.ts';
import type { Finding } from './expectation.ts';
import { assertRealDisksPossible } from './loops.ts';
import { perform } from './perform.ts';
import { play, type Outcome } from './play.ts';
import { namesDisks, withRealNames } from './real-devices.ts';
import { describeEvent, describeOutcome } from './report.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';
import { parseStory, type Story } from './story.ts';

export interface SandboxEnvironment {
  /** The folder of the program: `bin/`, `crds/`, `deploy/` and `examples/` are in it. */
  readonly root: string;
  /** Takes the lines for the person or program that started it. */
  readonly write: (line: string) => void;
  /** Runs beside the story until its signal, at the story's end: how a test disturbs the work. */
  readonly beside?: (cluster: Cluster, signal: AbortSignal) => Promise<void>;
}

/** What `--json` prints. */
export interface SandboxReport {
  readonly ok: boolean;
  readonly lvm: 'simulated' | 'real';
  readonly ms: number;
  readonly steps: readonly StepReport[];
  /** Why it ended early. */
  readonly error?: string;
}

export interface StepReport {
  readonly title: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly findings: readonly Finding[];
  /** The cluster right after the step. */
  readonly state: Snapshot;
}

/**
 * Starts a cluster, plays the story, tells how it went and ends everything. Throws Fault when the story or the machine does not allow to
 * start; what goes wrong afterwards is in the report.
 */
export async function runSandbox(
  config: SandboxConfig,
  environment: SandboxEnvironment,
  signal: AbortSignal,
): Promise<SandboxReport> {
  const startedAt = performance.now();
  const storyFile = path.resolve(config.story ?? path.join(environment.root, 'examples/demo.yaml'));
  const story = parseStory(await readStory(storyFile));
  const steps: StepReport[] = [];
  const report = (ok: boolean, error?: string): SandboxReport => ({
    ok,
    lvm: config.lvm,
    ms: Math.round(performance.now() - startedAt),
    steps,
    ...(error === undefined ? {} : { error }),
  });
  if (config.lvm === 'real') await assertRealDisksPossible(run, signal);
  const logDirectory = await logDirectoryFor(config);
  let result: SandboxReport;
  try {
    await inCluster({ config, environment, story, storyFile, logDirectory, steps }, signal);
    result = report(steps.length === story.steps.length && steps.every(({ ok }) => ok));
  } catch (error) {
    result = report(false, signal.aborted ? 'interrupted' : textOf(error));
  }
  if (result.ok && config['log-dir'] === undefined) await rm(logDirectory, { recursive: true, force: true });
  tellEnd(result, { config, environment, logDirectory });
  return result;
}

async function readStory(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Fault('invalid', `--story: ${file} cannot be read: ${textOf(error)}`, { cause: error });
  }
}

interface Session {
  readonly config: SandboxConfig;
  readonly environment: SandboxEnvironment;
  readonly story: Story;
  readonly storyFile: string;
  readonly logDirectory: string;
  /** Filled as the story goes. */
  readonly steps: StepReport[];
}

async function logDirectoryFor(config: SandboxConfig): Promise<string> {
  const wanted = config['log-dir'];
  if (wanted === undefined) return mkdtemp(path.join(os.tmpdir(), 'open-local-logs-'));
  await mkdir(wanted, { recursive: true });
  return path.resolve(wanted);
}

async function inCluster(session: Session, signal: AbortSignal): Promise<void> {
  const { config, environment, story, logDirectory } = session;
  await using cleanUp = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(os.tmpdir(), 'ol-'));
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const logFile = await open(path.join(logDirectory, 'sandbox.log'), 'a');
  cleanUp.defer(() => logFile.close());
  if (!config.json) environment.write(`Starting ${story.nodes.length} nodes, an API server and the operator …`);
  const cluster = await startCluster(
    {
      nodes: story.nodes,
      lvm: config.lvm,
      openLocal: [path.join(environment.root, 'bin/open-local')],
      crdDirectory: path.join(environment.root, 'crds'),
      directory,
      logDirectory,
      log: createLog({ level: 'info', name: 'sandbox', fd: logFile.fd }),
    },
    signal,
  );
  cleanUp.defer(() => cluster.close());
  await Promise.race([playIn(cluster, session, signal), cluster.failed]);
  if (!config.keep) return;
  environment.write(`Everything stays up until Ctrl-C. Look around: export KUBECONFIG=${cluster.kubeconfig}`);
  await Promise.race([whenAborted(signal), cluster.failed]);
}

/** Plays the story, and tells of it as it goes unless a document is wanted. */
async function playIn(cluster: Cluster, session: Session, signal: AbortSignal): Promise<void> {
  const { config, environment, story, storyFile, steps } = session;
  const write = config.json ? () => {} : environment.write;
  const told = new Set<string>();
  const unsubscribe = cluster.stores.events.subscribe((event) => {
    const line = describeEvent(event);
    if (line === undefined || told.has(line)) return;
    told.add(line);
    write(line);
  });
  const adapt = adaptTo(cluster, session);
  const onEnd = (outcome: Outcome): void => {
    const state = takeSnapshot(cluster.stores);
    const { step, ok, ms, findings } = outcome;
    steps.push({ title: step.title, ok, ms, findings, state });
    describeOutcome(outcome, state, steps.at(-2)?.state).forEach(write);
  };
  const ending = new AbortController();
  const beside = environment.beside?.(cluster, AbortSignal.any([signal, ending.signal]));
  try {
    await play(
      story.steps,
      {
        stores: cluster.stores,
        perform: (action, signal) =>
          perform(action, { client: cluster.client, directory: path.dirname(storyFile), adapt }, signal),
        onStart: ({ title }, index) => write(`${index + 1}/${story.steps.length}  ${title}`),
        onEnd,
      },
      signal,
    );
  } finally {
    ending.abort();
    await beside;
    unsubscribe();
  }
}

/** Manifests name the story's disks; loop devices are called otherwise, and differently on every machine. */
function adaptTo({ machines }: Cluster, { config }: Session): (object: KubeObject) => KubeObject {
  const names = machines.map(({ story: { name, labels }, disks: { devices } }) => ({
    name,
    labels: { ...labels, [TOPOLOGY_KEY]: name },
    devices,
  }));
  return (object) => (config.lvm === 'real' && namesDisks(object) ? withRealNames(object, names) : object);
}

function tellEnd(
  result: SandboxReport,
  { config, environment, logDirectory }: Pick<Session, 'config' | 'environment' | 'logDirectory'>,
): void {
  if (config.json) return environment.write(JSON.stringify(result, undefined, 2));
  const seconds = (result.ms / 1000).toFixed(1);
  if (result.ok) return environment.write(`All ${result.steps.length} steps ended as they should, in ${seconds} s.`);
  environment.write(
    `The story ended early after ${seconds} s${result.error === undefined ? '.' : `: ${result.error}`}`,
  );
  environment.write(`The logs of operator and agents are in ${logDirectory}`);
}
