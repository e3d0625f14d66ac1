import { text } from 'node:stream/consumers';
import { runCopyOrder } from './copy/copy-order.ts';

/**
 * The program that makes one copy, started by the agent: a disk that does not answer keeps for ever the thread that
 * reads it, and Node has four of them.
 */
async function main(): Promise<void> {
  const stopping = new AbortController();
  process.on('SIGTERM', () => stopping.abort(new Error('stopping')));
  process.stdout.on('error', (error) => stopping.abort(error)); // the agent is gone
  const say = (line: string): unknown => process.stdout.write(`${line}\n`);
  process.exit(await runCopyOrder(await text(process.stdin), say, stopping.signal));
}

void main();
