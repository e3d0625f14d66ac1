/**
 * A worker of rings 4 and 5 ends when vitest, which started it, is gone: its control plane and its machine end with it (PR_SET_PDEATHSIG).
 * Left alone, it would go on with its tests. `process.exit` is vitest's own in a worker, and throws.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
