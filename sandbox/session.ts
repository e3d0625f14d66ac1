import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { whenAborted } from '../src/wait/abort.ts';
import { systemClock } from '../src/wait/clock.ts';
import { createLog } from '../src/daemon/log.ts';
import type { KubeObject } from '../src/model/objects.ts';
import { TOPOLOGY_KEY } from '../src/model/well-known.ts';
import { startCluster, type Cluster } from './cluster/cluster.ts';
import type { SandboxConfig } from './config.ts';
import { perform } from './story/perform.ts';
import { play, type Outcome } from './story/play.ts';
import { namesDisks, withRealNames } from './cluster/real-devices.ts';
import { describeEvent, describeOutcome } from './story/report.ts';
import type { StepReport } from './story/sandbox-report.ts';
import { takeSnapshot } from './story/snapshot.ts';
import { runTraffic } from './story/traffic.ts';
import type { Story } from './story/story.ts';

/** A session: one story in one cluster. */
export interface Session {
  readonly config: SandboxConfig;
  /** Folder of the program, with `bin/`, `crds/`, `deploy/` and `examples/`. */
  readonly root: string;
  readonly story: Story;
  /** Folder from which the manifests of the story are named. */
  readonly storyDirectory: string;
  readonly logDirectory: string;
  /** Takes the lines for a person who watches. */
  readonly write: (line: string) => void;
  /** Called at the end of each step. */
  readonly onStep: (step: StepReport) => void;
  /** Runs beside the story and is aborted at its end: a test disturbs the cluster with it. */
  readonly beside?: ((cluster: Cluster, signal: AbortSignal) => Promise<void>) | undefined;
}

/** Starts a cluster, plays the story in it, and ends the cluster, whatever happens. Throws what ended it early. */
export async function runSession(session: Session, signal: AbortSignal): Promise<void> {
  const { config, root, story, logDirectory, write } = session;
  await using cleanUp = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(os.tmpdir(), 'ol-'));
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const logFile = await open(path.join(logDirectory, 'sandbox.log'), 'a');
  cleanUp.defer(() => logFile.close());
  write(`Starting ${story.nodes.length} nodes, an API server and the operator …`);
  const cluster = await startCluster(
    {
      nodes: story.nodes,
      lvm: config.lvm,
      openLocal: [path.join(root, 'bin/open-local')],
      crdDirectory: path.join(root, 'crds'),
      directory,
      logDirectory,
      page: config.serve,
      traceEndpoint: config['trace-endpoint'],
      log: createLog({ level: 'info', name: 'sandbox', fd: logFile.fd }),
    },
    signal,
  );
  cleanUp.defer(() => cluster.close());
  const ending = new AbortController();
  cleanUp.defer(() => ending.abort());
  await Promise.race([playIn(cluster, session, AbortSignal.any([signal, ending.signal])), cluster.failed]);
  if (!config.keep && !config.serve) return;
  write(`Everything stays up until Ctrl-C. Look around: export KUBECONFIG=${cluster.kubeconfig}`);
  await Promise.race([config.serve ? serve(cluster, session, signal) : whenAborted(signal), cluster.failed]);
}

/** Keeps something going on, for whoever looks. */
async function serve(cluster: Cluster, { root, write }: Session, signal: AbortSignal): Promise<void> {
  const { client, metricsUrl, pageUrl = '' } = cluster;
  const viewers = { do: 'apply', files: ['deploy/page/rbac.yaml', 'examples/demo/viewer.yaml'] } as const;
  await perform(viewers, { client, directory: root, adapt: (object) => object }, signal);
  write(`Pods come and go. The operator's metrics: ${metricsUrl}`);
  write(`Its page: ${pageUrl} with the token of: kubectl create token viewer`);
  await runTraffic({ client, clock: systemClock }, signal);
}

async function playIn(cluster: Cluster, session: Session, signal: AbortSignal): Promise<void> {
  const { story, storyDirectory: directory, write } = session;
  const { client, stores } = cluster;
  const adapt = adaptTo(cluster, session);
  const unsubscribe = tellEvents(cluster, write);
  const ending = new AbortController();
  const beside = session.beside?.(cluster, AbortSignal.any([signal, ending.signal]));
  try {
    const deps = {
      stores,
      perform: (action: Parameters<typeof perform>[0], signal: AbortSignal) =>
        perform(action, { client, directory, adapt }, signal),
      onStart: ({ title }: { readonly title: string }, index: number) =>
        write(`${index + 1}/${story.steps.length}  ${title}`),
      onEnd: tellSteps(cluster, session),
    };
    await play(story.steps, deps, signal);
  } finally {
    ending.abort();
    await beside;
    unsubscribe();
  }
}

/** Reports each step with the state of the cluster at its end. */
function tellSteps({ stores }: Cluster, { write, onStep }: Session): (outcome: Outcome) => void {
  let last: StepReport | undefined;
  return (outcome) => {
    const { step, ok, ms, findings } = outcome;
    const report = { title: step.title, ok, ms, findings, state: takeSnapshot(stores) };
    describeOutcome(outcome, report.state, last?.state).forEach(write);
    onStep(report);
    last = report;
  };
}

/** Reports progress during a step. */
function tellEvents({ stores }: Cluster, write: (line: string) => void): () => void {
  const told = new Set<string>();
  return stores.events.subscribe((event) => {
    const line = describeEvent(event);
    if (line === undefined || told.has(line)) return;
    told.add(line);
    write(line);
  });
}

/** Replaces the disk names of the story in manifests: loop devices have other names, which differ between machines. */
function adaptTo({ machines }: Cluster, { config }: Session): (object: KubeObject) => KubeObject {
  const names = machines.map(({ story: { name, labels }, disks: { devices } }) => ({
    name,
    labels: { ...labels, [TOPOLOGY_KEY]: name },
    devices,
  }));
  return (object) => (config.lvm === 'real' && namesDisks(object) ? withRealNames(object, names) : object);
}
