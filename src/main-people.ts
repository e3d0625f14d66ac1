import { type Command, runCommand } from './command-line.ts';
import { doctorCommand } from './doctor-command.ts';
import { schedulerConfigCommand } from './scheduler-config-command.ts';
import { VERSION } from './version.ts';

/** What people run by hand: `kubectl open-local COMMAND`, and `open-local COMMAND` for the same commands. */
const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: doctorCommand,
  'scheduler-config': schedulerConfigCommand,
};

const USAGE = `kubectl open-local ${VERSION}: local disks as ordinary Kubernetes storage

Usage: kubectl open-local COMMAND [flags]; kubectl open-local COMMAND --help tells the flags

  doctor     What is wrong with an installation, why it matters and what mends it.
  scheduler-config
             What to add to kube-scheduler, for kubeadm, k3s, rke2 or as a second scheduler.
  version    Print the version.
`;

async function main([name = 'help', ...args]: readonly string[]): Promise<void> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) return runCommand(name, command, args);
  if (['help', '--help', '-h'].includes(name)) process.stdout.write(USAGE);
  else if (['version', '--version'].includes(name)) process.stdout.write(`open-local ${VERSION}\n`);
  else {
    const names = [...Object.keys(COMMANDS), 'version'].join(', ');
    process.stderr.write(`kubectl open-local: "${name}" is not a command: use ${names}\n`);
    process.exitCode = 2;
  }
}

void main(process.argv.slice(2));
