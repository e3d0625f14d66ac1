import { createLog } from '../daemon/log.ts';
import { run } from '../exec/run.ts';
import { inClusterAccess } from '../kube/in-cluster.ts';
import { loadKubeconfig } from '../kube/kubeconfig.ts';
import { createKubeClient } from '../kube/rest-client.ts';
import { parseAgentConfig } from './config.ts';
import { runAgent } from './run.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `open-local agent`, from its command line to the run that serves until it is aborted. Throws BadFlags with every problem of the
 * command line, or Fault when the API server cannot be reached the way it names.
 */
export async function prepareAgent(
  args: readonly string[],
  env: Environment,
  version: string,
): Promise<(signal: AbortSignal) => Promise<void>> {
  const config = parseAgentConfig(args, env);
  const log = createLog({ level: config.logLevel, name: 'agent' });
  const access =
    config.kubeconfig === undefined
      ? await inClusterAccess({ env })
      : await loadKubeconfig(config.kubeconfig, { run, env: forPlugins(env) });
  const client = createKubeClient(access, { userAgent: `open-local-agent/${version}` });
  return async (signal) => {
    try {
      await runAgent(config, { client, run, version, log }, signal);
    } finally {
      client.close();
    }
  };
}

/** What a credential plug-in of a kubeconfig may see. */
function forPlugins({ PATH, HOME }: Environment): Readonly<Record<string, string>> {
  return { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
}
