import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createCsiClient, type CsiClient } from '../../../src/csi/client.ts';
import { DEFAULT_DRIVER } from '../../../src/model/well-known.ts';
import { registerDriver } from '../../../sandbox/controllers/kubelet.ts';
import { joinNode } from '../../../sandbox/cluster/simulated-node.ts';
import type { StoryNode } from '../../../sandbox/story/story.ts';
import { untilDone } from '../../../sandbox/cluster/until-done.ts';
import { deployedArgs } from './deployed.ts';
import { serviceAccountKubeconfig } from '../cluster/identities.ts';
import { supervise } from '../cluster/supervised.ts';
import type { System } from './system.ts';

const never = new AbortController().signal;

export interface AgentProcess extends AsyncDisposable {
  /** Log of this agent alone. */
  readonly directory: string;
  readonly csi: CsiClient['node'];
}

/**
 * Starts an agent as deploy/ does, in a process of its own and with the token of its node. The node joins the cluster,
 * and has registered the driver when this resolves. `flagsIn` gets the agent's directory and returns flags that are
 * added to those of deploy/ or replace them. `program` is `open-local`, or a command line that takes its arguments.
 */
export async function startAgentProcess(
  { cluster, client }: Pick<System, 'cluster' | 'client'>,
  program: string | readonly string[],
  node: StoryNode,
  flagsIn: (directory: string) => Promise<readonly string[]>,
): Promise<AgentProcess> {
  const { name } = node;
  await using started = new AsyncDisposableStack();
  const directory = path.join(cluster.dir, name);
  await mkdir(directory);
  await joinNode(node, client, never);
  const socket = path.join(directory, 'csi.sock');
  const args = deployedArgs('agent.yaml', 'agent', {
    kubeconfig: await serviceAccountKubeconfig(cluster, 'open-local-agent', name),
    'node-name': name,
    'csi-endpoint': `unix://${socket}`,
    'metrics-endpoint': undefined,
    'cgroup-root': undefined,
    ...byName(await flagsIn(directory)),
  });
  const agent = supervise(cluster.dir, `agent-${name}`, [...[program].flat(), ...args]);
  started.defer(() => agent.stop());
  const connection = createCsiClient({ kind: 'unix', path: socket });
  started.defer(() => connection.close());
  const driver = { driver: DEFAULT_DRIVER, nodeName: name, node: connection.node };
  await untilDone(`the agent of ${name} answers`, (signal) => registerDriver(driver, { client }, signal), never);
  const kept = started.move();
  return { directory, csi: connection.node, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const byName = (flags: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    flags.map((flag) => {
      const [, name = '', value = ''] = /^--([^=]+)=(.*)$/.exec(flag) ?? [];
      return [name, value];
    }),
  );
