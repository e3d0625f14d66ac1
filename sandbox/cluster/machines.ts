import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { KubeClient } from '../../src/kube/client.ts';
import { NODES } from '../../src/kube/resource.ts';
import type { Node } from '../../src/model/objects.ts';
import { DEFAULT_DRIVER, TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import { createChild, type Child } from './child.ts';
import { attachDisks, simulateDisks, type NodeDisks } from './disks.ts';
import type { Loops } from './loops.ts';
import type { StoryNode } from '../story/story.ts';

/** A simulated machine: its disks and its agent. */
export interface Machine {
  readonly story: StoryNode;
  readonly directory: string;
  readonly disks: NodeDisks;
  /** Address at which its agent serves CSI, such as `unix:///…`. */
  readonly csiEndpoint: string;
  readonly agent: Child;
}

export interface MachineDeps {
  /** Argv of the program. */
  readonly openLocal: readonly string[];
  readonly kubeconfig: string;
  /** Folder in which each machine gets one of its own. */
  readonly directory: string;
  readonly logDirectory: string;
  /** Loop devices for real lvm2; absent: simulated disks. */
  readonly loops: Loops | undefined;
  readonly traceEndpoint?: URL | undefined;
}

const STOP_MS = 10_000;

/** Makes the disks of one machine, and its agent, not started. */
export async function createMachine(story: StoryNode, deps: MachineDeps, signal: AbortSignal): Promise<Machine> {
  const directory = path.join(deps.directory, story.name);
  await mkdir(directory, { recursive: true });
  const disks = deps.loops
    ? await attachDisks(story, { directory, loops: deps.loops }, signal)
    : await simulateDisks(story, directory);
  const csiEndpoint = `unix://${path.join(directory, 'csi.sock')}`;
  const agent = createChild({
    name: `agent of ${story.name}`,
    argv: [
      ...deps.openLocal,
      'agent',
      `--kubeconfig=${deps.kubeconfig}`,
      `--node-name=${story.name}`,
      `--driver-name=${DEFAULT_DRIVER}`,
      `--csi-endpoint=${csiEndpoint}`,
      `--metrics-endpoint=unix://${path.join(directory, 'metrics.sock')}`,
      ...(deps.traceEndpoint ? [`--trace-endpoint=${deps.traceEndpoint.href}`] : []),
      ...disks.agentFlags,
    ],
    logFile: path.join(deps.logDirectory, `agent-${story.name}.log`),
    stopMs: STOP_MS,
  });
  return { story, directory, disks, csiEndpoint, agent };
}

/** Makes the Node object, Ready at once: there is no kubelet to wait for. */
export async function registerNode(
  { name, labels }: StoryNode,
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  const node: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/os': 'linux', ...labels, [TOPOLOGY_KEY]: name } },
  };
  await client.create(NODES, node, signal);
  const body = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
  await client.patch(NODES, { name }, { type: 'merge', body }, signal, 'status');
}
