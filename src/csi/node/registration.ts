import type { Log } from '../../model/log.ts';
import { watchSocket } from '../../daemon/socket-watch.ts';
import { Fault, textOf } from '../../model/fault.ts';
import { RegistrationService } from '../gen/pluginregistration.ts';
import { createCsiServer } from '../server.ts';
import { service, type Service } from '../service.ts';
import { pause } from '../../wait/pause.ts';

/** How far the kubelet's registration of the driver has come. */
export type Registration =
  /** The socket is there, or is being made, and the kubelet has yet to find it. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'registered' }
  /** `problem`: why there is no socket, or what the kubelet said. */
  | { readonly kind: 'failed'; readonly problem: string };

export interface RegistrationOptions {
  /** In the folder that the kubelet watches. */
  readonly socketPath: string;
  readonly driverName: string;
  /** The socket that the driver itself serves, by the path the kubelet sees. */
  readonly csiPath: string;
  readonly log: Log;
  /** After so many ms a try that failed is repeated; absent: 5 s. */
  readonly retryMs?: number;
  /** Told whenever it comes a step further, or begins anew. */
  readonly onState?: (state: Registration) => void;
}

/** Of CSI; the kubelet takes a driver that has a 1.x: validateVersions in pkg/volume/csi/csi_plugin.go. */
const VERSIONS = ['1.0.0'];

/**
 * Keeps the driver registered with the kubelet until aborted: serves a socket in the kubelet's folder, and makes it
 * anew whenever it was removed, its folder is another one, or the kubelet did not accept us. The driver's own socket
 * must answer already. Never throws.
 */
export async function keepRegistered(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { log, retryMs = 5000, socketPath, onState } = options;
  let told: string | undefined;
  while (!signal.aborted) {
    onState?.({ kind: 'waiting' });
    try {
      await serveUntilGone(options, signal);
      told = undefined;
    } catch (error) {
      if (textOf(error) !== told)
        log.warn({ address: socketPath, err: error }, 'not registered with the kubelet, and trying again');
      told = textOf(error);
      onState?.({ kind: 'failed', problem: told });
      await pause(retryMs, signal);
    }
  }
}

/**
 * Returns once the socket is gone. Throws whatever keeps it from being made, and what the kubelet says when it does not
 * accept us.
 */
async function serveUntilGone(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { socketPath, log } = options;
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => {}); // it may come when nobody waits any more
  const ending = new AbortController();
  const stop = AbortSignal.any([signal, ending.signal]);

  const endpoint = { kind: 'unix', path: socketPath } as const;
  const services = [registration(options, refused.reject)];
  const server = createCsiServer({ name: 'registration', endpoint, services, log });
  try {
    const whenGone = watchSocket(socketPath, stop); // throws while the kubelet has not made its folder
    await server.start(stop);
    await Promise.race([whenGone(), refused.promise]);
  } finally {
    ending.abort();
    await server.stop();
  }
}

/** What the kubelet asks. `refuse` is told why when it does not accept the driver. */
function registration(
  { driverName, csiPath, log, onState }: RegistrationOptions,
  refuse: (why: Fault) => void,
): Service {
  return service(RegistrationService, {
    getInfo: async () => ({ type: 'CSIPlugin', name: driverName, endpoint: csiPath, supportedVersions: VERSIONS }),
    notifyRegistrationStatus: async ({ pluginRegistered, error }) => {
      if (!pluginRegistered) {
        refuse(new Fault('unavailable', `the kubelet did not accept driver ${driverName}: ${error}`));
        return {};
      }
      log.info({ address: csiPath }, 'registered with the kubelet');
      onState?.({ kind: 'registered' });
      return {};
    },
  });
}
