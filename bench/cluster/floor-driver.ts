import { silentLog } from '../../src/model/log.ts';
import { ControllerService, ControllerServiceCapability_RPC_Type as Rpc } from '../../src/csi/gen/csi.ts';
import { createIdentity } from '../../src/csi/identity.ts';
import { createCsiServer } from '../../src/csi/server.ts';
import { service } from '../../src/csi/service.ts';

/**
 * A CSI controller that answers CreateVolume at once, with nothing behind it. Arguments: the driver's name, and the
 * path of its socket.
 */

const [driverName = '', path = ''] = process.argv.slice(2);
const controller = service(ControllerService, {
  controllerGetCapabilities: async () => ({
    capabilities: [{ type: { $case: 'rpc' as const, value: { type: Rpc.CREATE_DELETE_VOLUME } } }],
  }),
  createVolume: async ({ name, capacityRange, parameters, accessibilityRequirements }) => ({
    volume: {
      volumeId: name,
      capacityBytes: capacityRange?.requiredBytes ?? 0n,
      volumeContext: parameters,
      contentSource: undefined,
      accessibleTopology: accessibilityRequirements?.preferred.slice(0, 1) ?? [],
    },
  }),
  deleteVolume: async () => ({}),
});
const server = createCsiServer({
  name: 'floor',
  endpoint: { kind: 'unix', path },
  services: [createIdentity({ driverName, version: '1', ready: () => true }), controller],
  log: silentLog,
});
await server.start(new AbortController().signal);
process.send?.({ port: 0 });

process.on('disconnect', () => process.exit()); // the benchmark has died
process.on('message', (ask) => {
  if (ask === 'usage') process.send?.({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() });
  else process.exit();
});
