import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { bytes, GIB, MIB } from '../../src/model/bytes.ts';
import { KeyedMutex } from '../../src/daemon/keyed-mutex.ts';
import { NO_TROUBLES } from '../../src/model/storage-troubles.ts';
import { silentLog, type Log } from '../../src/model/log.ts';
import { NO_TRACER, type Tracer } from '../../src/trace/tracer.ts';
import type { Traces } from '../../src/csi/ports.ts';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import { CreateVolumeRequest, VolumeCapability_AccessMode_Mode as Mode, type Volume } from '../../src/csi/gen/csi.ts';
import { createIdentity } from '../../src/csi/identity.ts';
import { createCsiServer } from '../../src/csi/server.ts';
import { createControllers, type ControllerDeps } from '../../src/csi/controller/controller.ts';
import { FakeRoom, FakeVolumes } from '../../src/csi/controller/fake-volumes.ts';

const never = new AbortController().signal;

export const MOUNT = {
  accessType: { $case: 'mount' as const, value: {} },
  accessMode: { mode: Mode.SINGLE_NODE_WRITER },
};

/** Nothing is anywhere, and nobody shares anything. */
export const NO_TRACES: Traces = {
  keptBy: () => [],
  snapshotKeptBy: async () => [],
  snapshotGivenTo: async () => [],
  traceOf: async () => ({ kind: 'none' }),
};

/** The CSI controller behind a real socket, with volumes and room in memory. */
export interface FakeController {
  readonly client: CsiClient;
  readonly volumes: FakeVolumes;
  readonly room: FakeRoom;
  /** Makes a volume of 1 GiB unless told otherwise. */
  create(name: string, own?: Parameters<typeof CreateVolumeRequest.fromPartial>[0]): Promise<Volume | undefined>;
}

/** Serves until the test ends. Two nodes, of 10 and 4 GiB. */
export async function serveController({
  log = silentLog,
  tracer = NO_TRACER,
  ...own
}: Partial<ControllerDeps> & { readonly log?: Log; readonly tracer?: Tracer } = {}): Promise<FakeController> {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-controller-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const volumes = new FakeVolumes();
  const room = new FakeRoom({ n1: bytes(10 * GIB), n2: bytes(4 * GIB) }, bytes(4 * MIB));
  const endpoint = { kind: 'unix', path: path.join(folder, 'csi.sock') } as const;
  const controllers = createControllers({
    volumes,
    room,
    sources: new KeyedMutex(),
    claimUid: () => undefined,
    whyNotWanted: async () => undefined,
    waitForAgentMs: 10_000,
    notReady: () => undefined,
    storage: { troublesOf: () => NO_TROUBLES, isSilent: () => false },
    traces: NO_TRACES,
    topology: { nodesAt: (host) => [host.replace(/^host-/, '')], hostnameOf: (node) => `host-${node}` },
    ...own,
  });
  const identity = createIdentity({ driverName: 'local.csi.aliyun.com', version: '1.2.3', ready: () => true });
  const server = createCsiServer({
    name: 'csi controller',
    endpoint,
    services: [identity, ...controllers],
    log,
    tracer,
  });
  await server.start(never);
  onTestFinished(() => server.stop());
  const client = createCsiClient(endpoint, 20_000);
  onTestFinished(() => client.close());
  return {
    client,
    volumes,
    room,
    create: async (name, request = {}) => {
      const whole = CreateVolumeRequest.fromPartial({
        name,
        capacityRange: { requiredBytes: BigInt(GIB) },
        volumeCapabilities: [MOUNT],
        parameters: { volumeType: 'LVM' },
        ...request,
      });
      return (await client.controller.createVolume(whole, never)).volume;
    },
  };
}
