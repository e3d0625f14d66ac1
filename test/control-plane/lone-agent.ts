import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createCsiClient } from '../../src/csi/client.ts';
import { silentLog } from '../../src/daemon/log.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import { simulateDisks } from '../../src/sandbox/disks.ts';
import { createKubelets, registerDriver } from '../../src/sandbox/kubelet.ts';
import { joinNode } from '../../src/sandbox/pretend-node.ts';
import { podVolumesOf, runStandIn } from '../../src/sandbox/stand-ins.ts';
import type { StoryNode } from '../../src/sandbox/story.ts';
import { untilDone } from '../../src/sandbox/until-done.ts';
import { deployedArgs } from './deployed.ts';
import { serviceAccountKubeconfig } from './identities.ts';
import { supervise } from './supervised.ts';
import type { System } from './system.ts';

const never = new AbortController().signal;

/**
 * One agent as deploy/ starts it, in a process of its own and with the token of its node, so that the API server can tell its requests from all
 * others; disks and mounts are pretended, and the kubelet is a stand-in in this process. Ends with `stop`.
 */
export async function startLoneAgent(
  { cluster, client, stores }: Pick<System, 'cluster' | 'client' | 'stores'>,
  openLocal: string,
  node: StoryNode,
): Promise<{ stop(): Promise<void> }> {
  const { name } = node;
  await using started = new AsyncDisposableStack();
  const directory = path.join(cluster.dir, name);
  await mkdir(directory);
  const { agentFlags } = await simulateDisks(node, directory);
  await joinNode(node, client, never);
  const socket = path.join(directory, 'csi.sock');
  const args = deployedArgs('agent.yaml', 'agent', {
    kubeconfig: await serviceAccountKubeconfig(cluster, 'open-local-agent', name),
    'node-name': name,
    'csi-endpoint': `unix://${socket}`,
    'metrics-endpoint': undefined,
    'cgroup-root': undefined,
  });
  const agent = supervise(cluster.dir, `agent-${name}`, [openLocal, ...args, ...agentFlags]);
  started.defer(() => agent.stop());

  const connection = createCsiClient({ kind: 'unix', path: socket });
  started.defer(() => connection.close());
  const driver = { driver: DEFAULT_DRIVER, nodeName: name, node: connection.node };
  await untilDone(`the agent of ${name} answers`, (signal) => registerDriver(driver, { client }, signal), never);
  const kubelet = createKubelets({
    client,
    stores,
    log: silentLog,
    record: () => {},
    nodes: podVolumesOf([{ name, csi: connection.node, directory }]),
  });
  const ending = new AbortController();
  const running = runStandIn(kubelet, { log: silentLog }, ending.signal);
  started.defer(async () => {
    ending.abort();
    await running;
  });
  const kept = started.move();
  return { stop: () => kept.disposeAsync() };
}
