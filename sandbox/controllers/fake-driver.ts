import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ControllerExpandVolumeResponse,
  CreateSnapshotResponse,
  CreateVolumeResponse,
  NodeGetInfoResponse,
  type VolumeContentSource,
} from '../../src/csi/gen/csi.ts';
import { TOPOLOGY_KEY } from '../../src/model/well-known.ts';
import type { ControllerCalls, NodeCalls, SnapshotCalls } from './csi-calls.ts';

/** Fake CSI driver, for tests of the stand-ins that call one. */
export interface FakeDriver {
  readonly controller: ControllerCalls & SnapshotCalls;
  node(name: string): NodeCalls;
  /** Size of every volume that exists, in bytes. */
  readonly volumes: Map<string, bigint>;
  /** Calls so far, as `method volume`. */
  readonly calls: string[];
  /** Called before each call is answered; set by the test. */
  onCall: (call: string) => void;
  /** Makes the next call of the method fail with this gRPC code. */
  failNext(method: string, code: number): void;
}

/** Makes the fake; `room` is the sum of bytes that all its volumes together may take. */
export function createFakeDriver(room: bigint): FakeDriver {
  const volumes = new Map<string, bigint>();
  const calls: string[] = [];
  const failures = new Map<string, number[]>();

  const called = (method: string, volume: string): void => {
    calls.push(`${method} ${volume}`);
    driver.onCall(`${method} ${volume}`);
    const code = failures.get(method)?.shift();
    if (code !== undefined) throw rpcError(code, `${method} was told to fail`);
  };
  const take = (id: string, size: bigint): void => {
    const others = [...volumes].filter(([name]) => name !== id).reduce((sum, [, bytes]) => sum + bytes, 0n);
    if (others + size > room) throw rpcError(8, 'no room');
    volumes.set(id, size);
  };

  const driver: FakeDriver = {
    volumes,
    calls,
    onCall: () => {},
    failNext: (method, code) => failures.set(method, [...(failures.get(method) ?? []), code]),
    controller: {
      createVolume: async ({ name, capacityRange, accessibilityRequirements, volumeContentSource }) => {
        called('CreateVolume', name + fromWhere(volumeContentSource));
        take(name, capacityRange?.requiredBytes ?? 0n);
        const accessibleTopology = accessibilityRequirements?.requisite ?? [];
        const capacityBytes = volumes.get(name) ?? 0n;
        return CreateVolumeResponse.fromPartial({ volume: { volumeId: name, capacityBytes, accessibleTopology } });
      },
      deleteVolume: async ({ volumeId }) => {
        called('DeleteVolume', volumeId);
        volumes.delete(volumeId);
        return {};
      },
      controllerExpandVolume: async ({ volumeId, capacityRange }) => {
        called('ControllerExpandVolume', volumeId);
        take(volumeId, capacityRange?.requiredBytes ?? 0n);
        const capacityBytes = volumes.get(volumeId) ?? 0n;
        return ControllerExpandVolumeResponse.fromPartial({ capacityBytes, nodeExpansionRequired: true });
      },
      createSnapshot: async ({ name, sourceVolumeId }) => {
        called('CreateSnapshot', `${name} of ${sourceVolumeId}`);
        const sizeBytes = volumes.get(sourceVolumeId) ?? 0n;
        return CreateSnapshotResponse.fromPartial({
          snapshot: { snapshotId: name, sourceVolumeId, sizeBytes, readyToUse: true },
        });
      },
      deleteSnapshot: async ({ snapshotId }) => {
        called('DeleteSnapshot', snapshotId);
        return {};
      },
    },
    node: (name) => fakeNode(name, called),
  };
  return driver;
}

function fromWhere(content: VolumeContentSource | undefined): string {
  if (!content?.type) return '';
  return content.type.$case === 'snapshot'
    ? ` from ${content.type.value.snapshotId}`
    : ` from ${content.type.value.volumeId}`;
}

function fakeNode(nodeId: string, called: (method: string, volume: string) => void): NodeCalls {
  const segments = { [TOPOLOGY_KEY]: nodeId };
  const call =
    (method: string) =>
    async ({ volumeId }: { volumeId: string }) => {
      called(method, volumeId);
      return {};
    };
  return {
    nodeGetInfo: async () => NodeGetInfoResponse.fromPartial({ nodeId, accessibleTopology: { segments } }),
    nodeStageVolume: call('NodeStageVolume'),
    nodePublishVolume: call('NodePublishVolume'),
    nodeUnpublishVolume: call('NodeUnpublishVolume'),
    nodeUnstageVolume: call('NodeUnstageVolume'),
    nodeExpandVolume: async ({ volumeId }) => {
      called('NodeExpandVolume', volumeId);
      return { capacityBytes: 0n };
    },
  };
}

const rpcError = (code: number, details: string): Error => Object.assign(new Error(details), { code, details });

export interface FakeExtender {
  readonly url: string;
  /** Reason of refusal by the name of the node. */
  readonly refuse: Map<string, string>;
  close(): Promise<void>;
}

/** Starts an extender that passes every node but those of `refuse`, and gives all the same score. */
export async function startFakeExtender(): Promise<FakeExtender> {
  const refuse = new Map<string, string>();
  const answer = (url: string, text: string): unknown => {
    const body = JSON.parse(text) as { NodeNames: string[] };
    if (url.endsWith('/prioritize')) return body.NodeNames.map((Host) => ({ Host, Score: 5 }));
    const FailedAndUnresolvableNodes = Object.fromEntries(
      [...refuse].filter(([name]) => body.NodeNames.includes(name)),
    );
    return { NodeNames: body.NodeNames.filter((name) => !refuse.has(name)), FailedAndUnresolvableNodes };
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.end(JSON.stringify(answer(request.url ?? '', Buffer.concat(chunks).toString())));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
