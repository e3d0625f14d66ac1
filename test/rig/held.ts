import '../end-with-runner.ts';
import { start } from '../control-plane/cluster/processes.ts';

/**
 * A program that acts like a worker of the outer rings: starts a process as they do, with its output in the folder
 * named, and sends its pid.
 */
process.send?.(start(process.argv[2] ?? '', 'held', ['sleep', '3600']).pid);
