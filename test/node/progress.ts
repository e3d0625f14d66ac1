/** Tells what is being done and when, since what is slow here should be seen. */
export function createProgress(): (what: string) => void {
  const start = performance.now();
  return (what) => process.stdout.write(`[${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s] ${what}\n`);
}
