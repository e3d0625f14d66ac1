import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseAgentConfig } from '../../src/agent/config.ts';
import { runAgent } from '../../src/agent/run.ts';
import { createCsiClient } from '../../src/csi/client.ts';
import { parseEndpoint } from '../../src/daemon/endpoint.ts';
import { whenAborted } from '../../src/wait/abort.ts';
import { repeat } from '../../src/daemon/repeat.ts';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { Log } from '../../src/model/log.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import { simulatedFlags, simulateDisks } from './disks.ts';
import { forEachOf } from './in-turn.ts';
import { createKubelets, registerDriver } from '../controllers/kubelet.ts';
import { beat, joinNode, leaveNode } from './simulated-node.ts';
import { createRecordEvent } from '../controllers/record-events.ts';
import { podVolumesOf, runStandIn, type KubeletNode } from './stand-ins.ts';
import { openKubeletStores } from '../controllers/stores.ts';
import type { StoryNode } from '../story/story.ts';
import { untilDone } from './until-done.ts';

export interface JoinOptions {
  readonly client: KubeClient;
  readonly nodes: readonly StoryNode[];
  /** Folder for disks, mounts and sockets of the nodes. A node that finds its disks there keeps them. */
  readonly directory: string;
  /** Deletes the Node objects at the end. */
  readonly remove: boolean;
  readonly version: string;
  readonly log: Log;
  /** Takes the lines for the person or program that started it. */
  readonly write: (line: string) => void;
}

const AT_ONCE = 20;
const BEAT_MS = 10_000;
const LEAVE_MS = 60_000;

/**
 * Joins simulated nodes to a cluster, each with the real agent, and acts as their kubelet until aborted. Rejects when
 * an agent ends by itself.
 */
export async function joinCluster(options: JoinOptions, signal: AbortSignal): Promise<void> {
  const { client, nodes, remove, write } = options;
  const ending = new AbortController();
  const stop = AbortSignal.any([signal, ending.signal]);
  const agents: Promise<void>[] = [];
  const names = nodes.map(({ name }) => name);
  try {
    const kubelets: KubeletNode[] = [];
    await forEachOf(nodes, AT_ONCE, async (node) => {
      const { running, ...kubelet } = await startNode(node, options, stop);
      agents.push(running);
      kubelets.push(kubelet);
    });
    write(`${nodes.length} nodes joined: ${names.at(0) ?? ''} … ${names.at(-1) ?? ''}`);
    await Promise.race([Promise.all([...agents, runKubelets(kubelets, options, stop)]), whenAborted(stop)]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    ending.abort();
    await Promise.allSettled(agents);
    if (remove) await forEachOf(names, AT_ONCE, (name) => leaveNode(name, client, AbortSignal.timeout(LEAVE_MS)));
    write(remove ? `${nodes.length} nodes left the cluster` : `${nodes.length} nodes are no longer looked after`);
  }
}

/** Starts one machine and returns when its kubelet has registered the driver. */
async function startNode(
  node: StoryNode,
  options: JoinOptions,
  signal: AbortSignal,
): Promise<KubeletNode & { readonly running: Promise<void> }> {
  const { client, version, log } = options;
  const { name } = node;
  const directory = path.join(options.directory, name);
  await mkdir(directory, { recursive: true });
  const disks = path.join(directory, 'disks.json');
  const isKnown = await access(disks).then(
    () => true,
    () => false,
  );
  const agentFlags = isKnown ? simulatedFlags(directory) : (await simulateDisks(node, directory)).agentFlags;
  await joinNode(node, client, signal);

  const endpoint = `unix://${path.join(directory, 'csi.sock')}`;
  const config = parseAgentConfig([`--node-name=${name}`, `--csi-endpoint=${endpoint}`, ...agentFlags], {});
  const connection = createCsiClient(parseEndpoint(endpoint));
  const { node: csi } = connection;
  const running = runAgent(config, { client, run, version, log }, signal).finally(() => connection.close());
  const register = (signal: AbortSignal): Promise<void> =>
    registerDriver({ driver: DEFAULT_DRIVER, nodeName: name, node: csi }, { client }, signal);
  await Promise.race([
    untilDone(`the agent of ${name} answers`, register, signal),
    running.then(() => whenAborted(signal)),
  ]);
  return { name, csi, directory, running };
}

/** Runs the kubelets: mounts volumes for pods and renews the Ready condition of the nodes. */
async function runKubelets(nodes: readonly KubeletNode[], options: JoinOptions, signal: AbortSignal): Promise<void> {
  const { client, log } = options;
  const stores = await openKubeletStores(client, log, signal);
  const { record, run: recordEvents } = createRecordEvent(client, log);
  const kubelets = createKubelets({ client, stores, record, log, nodes: podVolumesOf(nodes, client) });
  const beatAll = (signal: AbortSignal): Promise<void> =>
    forEachOf(nodes, AT_ONCE, ({ name }) => beat(name, client, signal));
  const onError = (err: unknown): void => log.warn({ err }, 'the leases of the nodes could not be renewed');
  await Promise.all([
    runStandIn(kubelets, { log }, signal),
    recordEvents(signal),
    repeat(BEAT_MS, beatAll, onError, signal),
  ]);
}
