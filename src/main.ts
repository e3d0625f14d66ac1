import { type Command, runCommand } from './command-line.ts';
import { connect } from './connect.ts';
import { createLog } from './daemon/log.ts';
import { operatorHelp, parseOperatorConfig } from './operator/config.ts';
import { runOperator } from './operator/run.ts';
import { schedulerConfigCommand } from './scheduler-config-command.ts';
import { VERSION } from './version.ts';

/** The programs of this package; bin/open-local starts the bundle that each is in. */
const USAGE = `open-local ${VERSION}: local disks as ordinary Kubernetes storage

Usage: open-local COMMAND [flags]; open-local COMMAND --help tells the flags

  agent      Volume groups, volumes and the CSI node service of one node.
  doctor     What is wrong with an installation, why it matters and what mends it.
  operator   Scheduler extender, CSI controller and reconcilers; one per cluster, or two of which one leads.
  sandbox    The whole job on simulated nodes, without a cluster.
  scheduler-config
             What to add to kube-scheduler, for kubeadm, k3s, rke2 or as a second scheduler.
  version    Print the version.
`;

const operator: Command = {
  help: operatorHelp,
  prepare: async (args, env) => {
    const config = parseOperatorConfig(args, env);
    const client = await connect('operator', config, env);
    const log = createLog({ level: config.logLevel, name: 'operator' });
    for (const action of config.bygone) log.warn({ action }, 'a flag of open-local is passed over');
    return async (signal) => {
      try {
        await runOperator(config, { client, version: VERSION, log }, signal);
      } finally {
        client.close();
      }
    };
  },
};

async function main([name = 'help', ...args]: readonly string[]): Promise<void> {
  if (name === 'operator') return runCommand(name, operator, args);
  if (name === 'scheduler-config') return runCommand(name, schedulerConfigCommand, args);
  if (['help', '--help', '-h'].includes(name)) process.stdout.write(USAGE);
  else if (['version', '--version'].includes(name)) process.stdout.write(`open-local ${VERSION}\n`);
  else {
    process.stderr.write(
      `open-local: "${name}" is not a command: use agent, doctor, operator, sandbox, scheduler-config, version\n`,
    );
    process.exitCode = 2;
  }
}

void main(process.argv.slice(2));
