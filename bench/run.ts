import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { say } from './report.ts';

/** `node bench/run.ts [--quick]`: every benchmark, each in a process of its own. */

const BENCHMARKS = ['extender.ts', 'ledger.ts', 'scale.ts', 'burst.ts'];

let failed = 0;
for (const file of BENCHMARKS.filter((name) => existsSync(path.join(import.meta.dirname, name)))) {
  say(`\n== ${file}`);
  const child = spawn(process.execPath, [path.join(import.meta.dirname, file), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
