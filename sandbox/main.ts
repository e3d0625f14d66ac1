import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type Command, runCommand } from '../src/command-line.ts';
import { connect } from '../src/connect.ts';
import { createLog } from '../src/daemon/log.ts';
import { VERSION } from '../src/version.ts';
import { asksToJoin, joinHelp, parseJoinConfig, type JoinConfig } from './cluster/join-options.ts';
import { runJoined } from './cluster/run-joined.ts';
import { parseSandboxConfig, sandboxHelp } from './config.ts';
import { runSandbox } from './run.ts';
import { whenUnwatched } from './unwatched.ts';

/** The program of `open-local sandbox`: separate from operator and agent, since no cluster ever runs it. */
const sandbox: Command = {
  help: () => `${sandboxHelp()}\n${joinHelp()}`,
  prepare: async (args, env) => {
    if (asksToJoin(args)) return join(parseJoinConfig(args, env), env);
    const config = parseSandboxConfig(args, env);
    const root = path.dirname(path.dirname(realpathSync(process.argv[1] ?? '.')));
    return async (signal) => ((await runSandbox(config, { root, write }, signal)).ok ? 0 : 1);
  },
};

async function join(config: JoinConfig, env: NodeJS.ProcessEnv): Promise<(signal: AbortSignal) => Promise<void>> {
  const client = await connect('sandbox', config, env);
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

const unwatched = whenUnwatched();
const watched: Command = {
  ...sandbox,
  prepare: async (args, env) => {
    const run = await sandbox.prepare(args, env);
    return (signal) => run(AbortSignal.any([signal, unwatched]));
  },
};

void runCommand('sandbox', watched, process.argv.slice(3));
