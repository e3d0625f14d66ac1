import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/**
 * Argv that runs a program so that the kernel sends it SIGTERM when this process ends, however that happens: SIGKILL
 * and a crash leave no time to end children (PR_SET_PDEATHSIG, prctl(2)). Returns `argv` as it is where util-linux's
 * setpriv is not in `searchPath`.
 */
export function endWithParent(argv: readonly string[], searchPath: string): string[] {
  const setpriv = searchPath
    .split(':')
    .map((folder) => path.join(folder, 'setpriv'))
    .find(isExecutable);
  return setpriv === undefined ? [...argv] : [setpriv, '--pdeathsig', 'TERM', ...argv];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
