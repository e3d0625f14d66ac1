import type { Run } from '../exec/run.ts';
import { MIB, NO_BYTES, type Bytes } from '../model/bytes.ts';

/** A disk that is slower has hung. */
const SLOWEST_BYTES_PER_MS = (5 * MIB) / 1000;

/**
 * Gives programs that may go over all of a device the time that a slow disk needs for that, besides their own. One that
 * is cut begins anew: with the same time for every device that of a large one would never end.
 */
export const patientRun =
  (run: Run, size: Bytes = NO_BYTES): Run =>
  (argv, options, signal) =>
    run(argv, { ...options, timeoutMs: options.timeoutMs + size / SLOWEST_BYTES_PER_MS }, signal);
