import { lstat, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { Fault } from '../model/fault.ts';

/**
 * Makes the way free for a server on a unix socket: its folder is made, and a socket that a killed process left is
 * removed, but only when nobody listens on it. Throws Fault `precondition` when somebody does, or when the file is no
 * socket.
 */
export async function freeSocketPath(socketPath: string): Promise<void> {
  await mkdir(path.dirname(socketPath), { recursive: true });
  const stats = await lstat(socketPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return;
  if (!stats.isSocket())
    throw new Fault('precondition', `${socketPath} exists and is no socket: remove it, or choose another path`);
  if (await somebodyListens(socketPath))
    throw new Fault('precondition', `another process listens on ${socketPath}: stop it, or choose another path`);
  await rm(socketPath, { force: true });
}

function somebodyListens(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}
