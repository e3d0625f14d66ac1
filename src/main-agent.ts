import { agentHelp, parseAgentConfig } from './agent/config.ts';
import { runAgent } from './agent/run.ts';
import { type Command, runCommand } from './command-line.ts';
import { connect } from './connect.ts';
import { createLog, createSetLogLevel } from './daemon/log.ts';
import { run } from './exec/run.ts';
import { VERSION } from './version.ts';

/** The agent's program: `open-local agent`. Apart from the other one because every node pays for what it loads. */
const agent: Command = {
  help: agentHelp,
  prepare: async (args, env) => {
    const config = parseAgentConfig(args, env);
    const client = await connect('agent', config, env);
    const log = createLog({ level: config.logLevel, format: config.logFormat, name: 'agent' });
    const setLogLevel = createSetLogLevel(log, config.logLevel);
    for (const action of config.bygone) log.warn({ action }, 'a flag of open-local is passed over');
    return async (signal) => {
      try {
        await runAgent(config, { client, run, version: VERSION, log, setLogLevel }, signal);
      } finally {
        client.close();
      }
    };
  },
};

void runCommand('agent', agent, process.argv.slice(3));
