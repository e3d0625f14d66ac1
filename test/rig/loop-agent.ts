import { parseAgentConfig } from '../../src/agent/config.ts';
import { createPorts } from '../../src/agent/ports.ts';
import { runAgent } from '../../src/agent/run.ts';
import { connect } from '../../src/connect.ts';
import { createLog } from '../../src/daemon/log.ts';
import { run } from '../../src/exec/run.ts';
import { createHostCopier } from '../../src/copy/copier.ts';
import { createStateFile } from '../../src/exec/state-file.ts';
import type { SimulatedStorage } from '../../src/lvm/simulated-groups.ts';
import { COPY_PROGRAM } from './copy-program.ts';
import { createLoopLvm } from './loop-lvm.ts';

/**
 * The agent as a program of its own, with everything real but LVM: `loop-agent.ts STATE FOLDER agent FLAGS…`. STATE is
 * the file of the groups, FOLDER that of the volumes.
 */
const [stateFile = '', folder = '', , ...flags] = process.argv.slice(2);
const config = parseAgentConfig(flags, process.env);
const client = await connect('agent', config, process.env);
const lvm = createLoopLvm({ state: createStateFile<SimulatedStorage>(stateFile), folder, run });
const copier = createHostCopier({ run, bytesPerSecond: config.copyBandwidth, program: COPY_PROGRAM });
const ending = new AbortController();
process.on('SIGTERM', () => ending.abort());
const log = createLog({ level: config.logLevel, name: 'agent' });
try {
  await runAgent(
    config,
    { client, run, version: 'loop', log, ports: (...given) => ({ ...createPorts(...given), lvm, copier }) },
    ending.signal,
  );
} finally {
  client.close();
}
