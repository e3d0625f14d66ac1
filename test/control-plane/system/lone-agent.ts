import { silentLog } from '../../../src/model/log.ts';
import { simulateDisks } from '../../../sandbox/cluster/disks.ts';
import { createKubelets } from '../../../sandbox/controllers/kubelet.ts';
import { podVolumesOf, runStandIn } from '../../../sandbox/cluster/stand-ins.ts';
import type { StoryNode } from '../../../sandbox/story/story.ts';
import { startAgentProcess } from './agent-process.ts';
import type { System } from './system.ts';

/**
 * Starts one agent with simulated disks and mounts, in a process of its own, so that the API server can tell its
 * requests from all others. The kubelet is a stand-in in this process. Ends with `stop`.
 */
export async function startLoneAgent(
  system: Pick<System, 'cluster' | 'client' | 'stores'>,
  openLocal: string,
  node: StoryNode,
): Promise<{ stop(): Promise<void> }> {
  const { client, stores } = system;
  await using started = new AsyncDisposableStack();
  const agent = started.use(
    await startAgentProcess(
      system,
      openLocal,
      node,
      async (directory) => (await simulateDisks(node, directory)).agentFlags,
    ),
  );
  const kubelet = createKubelets({
    client,
    stores,
    log: silentLog,
    record: () => {},
    nodes: podVolumesOf([{ name: node.name, csi: agent.csi, directory: agent.directory }], client),
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
