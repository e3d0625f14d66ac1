import { startAgentNode, type AgentNode } from './agent-node.ts';
import { volumesOn, type VolumesOn } from './volumes-on.ts';

/**
 * Boots a machine on which the agent runs, with these flags in addition to its own, and has made a volume group `data`
 * of new disks of 2 GiB.
 */
export async function startGroupNode(
  signal: AbortSignal,
  disks: readonly string[] = ['disk'],
  flags: readonly string[] = [],
): Promise<{ readonly node: AgentNode; readonly on: VolumesOn }> {
  await using started = new AsyncDisposableStack();
  const node = started.use(await startAgentNode(signal));
  const on = volumesOn(node, signal);
  await node.startAgent(signal, 'agent', flags);
  await on.makeGroup('data', disks);
  started.move();
  return { node, on };
}
