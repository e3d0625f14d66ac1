import { runCopyOrder, type CopyOrder } from './copy/copy-order.ts';
import { linesTo } from './copy/lines.ts';

/**
 * The program that makes one copy, started by the agent: a disk that does not answer keeps for ever the thread that
 * reads it, and Node has four of them. The agent keeps stdin open as long as it runs: the end of stdin, like SIGTERM,
 * ends the copy.
 */
async function main(order: CopyOrder): Promise<void> {
  const stopping = new AbortController();
  const stop = (why: Error): void => {
    stopping.abort(why);
    // Node waits for its threads when it exits, and one may wait for a disk.
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), order.endWithinMs);
  };
  process.on('SIGTERM', () => stop(new Error('the copy is stopped')));
  process.stdin.on('close', () => stop(new Error('the agent is gone')));
  process.stdout.on('error', stop);
  const say = (line: string): unknown => process.stdout.write(`${line}\n`);
  process.exit(await runCopyOrder(order, say, stopping.signal));
}

process.stdin.on('error', () => {}); // it is closed then
process.stdin.setEncoding('utf8').on(
  'data',
  linesTo((line) => void main(JSON.parse(line) as CopyOrder)),
);
