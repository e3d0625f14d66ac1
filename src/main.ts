import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type Command, runCommand } from './command-line.ts';
import { connect } from './connect.ts';
import { createLog } from './daemon/log.ts';
import type { JoinConfig } from './sandbox/join-options.ts';
import { VERSION } from './version.ts';

/** Loaded only when called: the operator does not pay for the sandbox, nor the sandbox for the operator. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  operator: {
    summary: 'Scheduler extender, CSI controller and reconcilers; one per cluster, or two of which one leads.',
    load: operator,
  },
  sandbox: { summary: 'The whole job on pretend nodes, without a cluster.', load: sandbox },
};

const USAGE = `open-local ${VERSION}: local disks as ordinary Kubernetes storage

Usage: open-local COMMAND [flags]; open-local COMMAND --help tells the flags

  agent      Volume groups, volumes and the CSI node service of one node.
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}
  version    Print the version.
`;

async function operator(): Promise<Command> {
  const { operatorHelp, parseOperatorConfig } = await import('./operator/config.ts');
  return {
    help: operatorHelp,
    prepare: async (args, env) => {
      const config = parseOperatorConfig(args, env);
      const client = await connect('operator', config.kubeconfig, env);
      const log = createLog({ level: config.logLevel, name: 'operator' });
      const { runOperator } = await import('./operator/run.ts');
      return async (signal) => {
        try {
          await runOperator(config, { client, version: VERSION, log }, signal);
        } finally {
          client.close();
        }
      };
    },
  };
}

async function sandbox(): Promise<Command> {
  const { parseSandboxConfig, sandboxHelp } = await import('./sandbox/config.ts');
  const { asksToJoin, joinHelp, parseJoinConfig } = await import('./sandbox/join-options.ts');
  return {
    help: () => `${sandboxHelp()}\n${joinHelp()}`,
    prepare: async (args, env) => {
      if (asksToJoin(args)) return join(parseJoinConfig(args, env), env);
      const config = parseSandboxConfig(args, env);
      const { runSandbox } = await import('./sandbox/run.ts');
      const root = path.dirname(path.dirname(realpathSync(process.argv[1] ?? '.')));
      return async (signal) => ((await runSandbox(config, { root, write }, signal)).ok ? 0 : 1);
    },
  };
}

async function join(config: JoinConfig, env: NodeJS.ProcessEnv): Promise<(signal: AbortSignal) => Promise<void>> {
  const { runJoined } = await import('./sandbox/run-joined.ts');
  const client = await connect('sandbox', config.kubeconfig, env);
  const log = createLog({ level: 'warn', name: 'sandbox' });
  return async (signal) => {
    try {
      await runJoined(config, { client, version: VERSION, log, write }, signal);
    } finally {
      client.close();
    }
  };
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main([name = 'help', ...args]: readonly string[]): Promise<void> {
  const command = COMMANDS[name];
  if (command) return runCommand(name, await command.load(), args);
  if (['help', '--help', '-h'].includes(name)) process.stdout.write(USAGE);
  else if (['version', '--version'].includes(name)) process.stdout.write(`open-local ${VERSION}\n`);
  else {
    const known = ['agent', ...Object.keys(COMMANDS), 'version'].join(', ');
    process.stderr.write(`open-local: "${name}" is not a command: use ${known}\n`);
    process.exitCode = 2;
  }
}

void main(process.argv.slice(2));
