import type { Component } from '../daemon/lifecycle.ts';
import { Fault } from '../model/fault.ts';
import { ControllerService, GroupControllerService } from './gen/csi.ts';
import { createIdentity, type IdentityDeps } from './identity.ts';
import { createCsiServer, type CsiServerOptions } from './server.ts';
import type { CallContext, Definition, Service } from './service.ts';

/** The socket of a CSI controller from the start of its process on; what answers the calls may come later. */
export interface StandbyServer {
  readonly socket: Component;
  /**
   * Answers calls from its start on. Its stop lets the calls under way finish and closes the socket: after its term a
   * process ends.
   */
  serve(services: readonly Service[], ready: () => boolean): Component;
}

export type StandbyOptions = Omit<CsiServerOptions, 'services'> & Omit<IdentityDeps, 'ready'>;

/**
 * Until somebody serves, it says who the driver is, that it is not ready (Probe), and UNAVAILABLE to all else. Sidecars
 * wait for a driver that is not ready; for a socket that is not there they wait 30 seconds, and then exit
 * (csi-lib-utils, connection.Connect).
 */
export function createStandbyServer({ driverName, version, ...options }: StandbyOptions): StandbyServer {
  let serving: { readonly services: readonly Service[]; readonly ready: () => boolean } | undefined;
  const handlerOf = (definition: Definition, method: string) => async (request: never, context: CallContext) => {
    if (!serving) throw new Fault('unavailable', 'this replica does not lead: the sidecars of the one that does serve');
    const handler = serving.services.find((one) => one.definition === definition)?.handlers[method];
    if (!handler) throw new Fault('unimplemented', `${method} is not served`);
    return handler(request, context);
  };
  const later = (definition: Definition): Service => ({
    definition,
    handlers: Object.fromEntries(Object.keys(definition).map((method) => [method, handlerOf(definition, method)])),
  });
  const identity = createIdentity({ driverName, version, ready: () => serving?.ready() ?? false });
  const services = [identity, later(ControllerService), later(GroupControllerService)];
  const server = createCsiServer({ keep: true, ...options, services });
  return {
    socket: { ...server, name: `${server.name}'s socket` },
    serve: (services, ready) => ({
      name: server.name,
      start: async () => {
        serving = { services, ready };
      },
      stop: () => server.stop(),
    }),
  };
}
