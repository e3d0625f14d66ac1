import path from 'node:path';

/** Tells what is being done in a file and when, since what is slow here should be seen. */
export function createProgress(filename: string): (what: string) => void {
  const start = performance.now();
  const name = path.basename(filename, '.ts').replace(/\.node$/, '');
  return (what) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stdout.write(`[${name} ${seconds.padStart(6)} s] ${what}\n`);
  };
}
