import '../end-with-runner.ts';
import { start } from '../control-plane/cluster/processes.ts';

/** Stands for a worker of the outer rings: holds a process as they do, whose output goes to the folder named, and says which. */
process.send?.(start(process.argv[2] ?? '', 'held', ['sleep', '3600']).pid);
