import { parseAgentConfig } from '../../src/agent/config.ts';
import { createPorts } from '../../src/agent/ports.ts';
import { runAgent } from '../../src/agent/run.ts';
import { run } from '../../src/exec/run.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { silentLog } from '../../src/model/log.ts';
import { parseOperatorConfig } from '../../src/operator/config.ts';
import { runOperator } from '../../src/operator/run.ts';
import { withActiveVolumes } from '../rig/active-volumes.ts';
import { guarded, type Guard, type ProgramName } from './effects.ts';

/** Name of the node of every world. */
export const NODE = 'n1';

/** What a program works with. */
export interface Surroundings {
  readonly client: KubeClient;
  /** Folder of the sockets and of the simulated node. */
  readonly folder: string;
  readonly guard: Guard;
}

/** Runs one of our programs with a guard before everything that is outside of it, until the signal is aborted. */
export const runProgram = (program: ProgramName, surroundings: Surroundings, signal: AbortSignal): Promise<void> =>
  program === 'operator' ? operator(surroundings, signal) : agent(surroundings, signal);

const base = { version: 'test', log: silentLog };

function operator({ client, folder, guard }: Surroundings, signal: AbortSignal): Promise<void> {
  const config = parseOperatorConfig(
    [
      ...['--no-leader-election', '--metrics-listen=none', '--namespace=default'],
      `--csi-endpoint=unix://${folder}/operator.sock`,
      `--extender-listen=unix://${folder}/extender.sock`,
    ],
    {},
  );
  return runOperator(config, { ...base, client: guarded('operator', 'kube', client, guard) }, signal);
}

function agent({ client, folder, guard }: Surroundings, signal: AbortSignal): Promise<void> {
  const config = parseAgentConfig(
    [
      ...[`--node-name=${NODE}`, `--csi-endpoint=unix://${folder}/agent.sock`, `--mount-root=${folder}/mnt`],
      ...[`--simulated-disks=${folder}/disks.json`, `--simulated-mounts=${folder}/mounts.json`],
    ],
    {},
  );
  const bind = <T extends object>(port: string, inner: T): T => guarded('agent', port, inner, guard);
  const ports: typeof createPorts = (...given) => {
    const { lvm, disks, mounts, filesystems, crypt, ...rest } = createPorts(...given);
    return {
      ...rest,
      lvm: bind('lvm', withActiveVolumes(lvm)),
      disks: bind('disks', disks),
      mounts: bind('mounts', mounts),
      filesystems: bind('filesystems', filesystems),
      crypt: bind('crypt', crypt),
    };
  };
  return runAgent(config, { ...base, client: bind('kube', client), run, ports }, signal);
}
