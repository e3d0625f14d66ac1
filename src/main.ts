import { type Command, runCommand } from './command-line.ts';
import { connect } from './connect.ts';
import { createLog, createSetLogLevel } from './daemon/log.ts';
import { operatorHelp, parseOperatorConfig } from './operator/config.ts';
import { runOperator } from './operator/run.ts';
import { VERSION } from './version.ts';

/** The operator's program: `open-local operator`. What people run by hand is in main-people.ts. */
const operator: Command = {
  help: operatorHelp,
  prepare: async (args, env) => {
    const config = parseOperatorConfig(args, env);
    const client = await connect('operator', config, env);
    const log = createLog({ level: config.logLevel, format: config.logFormat, name: 'operator' });
    const setLogLevel = createSetLogLevel(log, config.logLevel);
    for (const action of config.bygone) log.warn({ action }, 'a flag of open-local is passed over');
    return async (signal) => {
      try {
        // bin/open-local has Node offer it. The last resort closes gaps too, and gives their pages back.
        const collectGarbage = (): void => globalThis.gc?.({ type: 'major', flavor: 'last-resort' });
        await runOperator(config, { client, version: VERSION, log, setLogLevel, collectGarbage }, signal);
      } finally {
        client.close();
      }
    };
  },
};

void runCommand('operator', operator, process.argv.slice(3));
