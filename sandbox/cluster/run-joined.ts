import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { joinCluster, type JoinOptions } from './join.ts';
import { nodesOf, type JoinConfig } from './join-options.ts';

/**
 * `open-local sandbox --kubeconfig`: joins the nodes that were asked for until aborted. Rejects when the cluster cannot
 * be joined.
 */
export async function runJoined(
  config: JoinConfig,
  deps: Pick<JoinOptions, 'client' | 'version' | 'log' | 'write'>,
  signal: AbortSignal,
): Promise<void> {
  await using cleanUp = new AsyncDisposableStack();
  const directory = config.directory ?? (await mkdtemp(path.join(os.tmpdir(), 'ol-')));
  await mkdir(directory, { recursive: true });
  if (config.directory === undefined) cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  await joinCluster({ ...deps, nodes: nodesOf(config), directory, remove: config.remove }, signal);
}
