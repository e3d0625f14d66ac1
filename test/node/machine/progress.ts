import path from 'node:path';

/** Logs progress with the time to a file, so that slow steps are visible. */
export function createProgress(filename: string): (what: string) => void {
  const start = performance.now();
  const name = path.basename(filename, '.ts').replace(/\.node$/, '');
  return (what) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stdout.write(`[${name} ${seconds.padStart(6)} s] ${what}\n`);
  };
}
