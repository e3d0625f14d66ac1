/**
 * Ends a worker of rings 4 and 5 when vitest, which started it, is gone; its control plane and its machine end with it
 * (PR_SET_PDEATHSIG). Without this it would go on with its tests. `process.exit` is no alternative: in a worker vitest
 * replaces it by a function that throws.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
