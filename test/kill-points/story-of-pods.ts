import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import * as csi from '../../src/csi/gen/csi.ts';
import { Code } from '../../src/csi/status.ts';
import { find, unlessGone } from '../../src/kube/find.ts';
import { PODS } from '../../src/kube/resource.ts';
import { GIB } from '../../src/model/bytes.ts';
import { inlineVolumeId } from '../../src/model/inline-volume.ts';
import { DEFAULT_DRIVER } from '../../src/model/well-known.ts';
import type { Pod } from '../../src/model/objects.ts';
import type { Step } from './story.ts';
import { NODE } from './run-program.ts';
import type { World } from './world.ts';

const KEY = { namespace: 'default', name: 'web' };
const ATTRIBUTES = { vgName: 'pool-0', size: '1Gi' };
const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: KEY,
  spec: {
    containers: [{ name: 'main', image: 'web' }],
    volumes: [{ name: 'scratch', csi: { driver: DEFAULT_DRIVER, volumeAttributes: ATTRIBUTES } }],
  },
};
const target = ({ targets }: World): string => path.join(targets, 'pod/scratch');
const NOTHING = { objects: [], volumes: [], mounts: [], filesystems: [] };
/** Named by the uid of the pod, which the API server gives. */
const INLINE = expect.stringMatching(/^csi-[\da-f]+$/) as string;

/** A pod with an inline volume, from filter to nothing. `binds`: who writes its binding. */
export const storyOfPod = (binds: 'the extender' | 'kube-scheduler'): readonly Step[] => [
  {
    name: 'filter',
    call: async (world, signal) => {
      const { client } = world;
      const pod = (await find(client, PODS, KEY, signal)) ?? (await client.create(PODS, POD, signal));
      const { NodeNames } = await ask<{ NodeNames?: string[] }>(world, 'filter', { Pod: pod, NodeNames: [NODE] });
      if (NodeNames?.[0] !== NODE) throw new Error('the pod fits nowhere');
    },
    leaves: NOTHING,
  },
  {
    name: 'bind',
    call: async (world, signal) => {
      const uid = await uidOf(world, signal);
      if (binds === 'the extender')
        await ask(world, 'bind', { PodName: KEY.name, PodNamespace: KEY.namespace, PodUID: uid, Node: NODE });
      else await bindAsScheduler(world, uid, signal);
      const { spec } = await world.client.get(PODS, KEY, signal);
      if (spec?.nodeName !== NODE) throw new Error('the pod has no node, and its binding was answered');
    },
    leaves: NOTHING,
  },
  {
    name: 'count the volume of the bound pod',
    call: async ({ csi: { controller } }, signal) => {
      const asked = csi.GetCapacityRequest.fromPartial({ parameters: { volumeType: 'LVM' } });
      const { availableCapacity } = await controller.getCapacity(asked, signal);
      if (availableCapacity >= 19n * BigInt(GIB)) throw again('it is not counted yet');
    },
    leaves: NOTHING,
  },
  {
    name: 'publish',
    call: async (world, signal) => {
      await mkdir(path.dirname(target(world)), { recursive: true }); // as the kubelet does
      const volumeContext = { 'csi.storage.k8s.io/ephemeral': 'true', ...ATTRIBUTES };
      const volumeCapability = csi.VolumeCapability.fromPartial({
        accessType: { $case: 'mount', value: {} },
        accessMode: { mode: csi.VolumeCapability_AccessMode_Mode.SINGLE_NODE_WRITER },
      });
      const volumeId = inlineVolumeId(await uidOf(world, signal), 'scratch');
      const asked = { volumeId, targetPath: target(world), volumeCapability, volumeContext };
      return world.node.nodePublishVolume(csi.NodePublishVolumeRequest.fromPartial(asked), signal);
    },
    leaves: { objects: [INLINE], volumes: [INLINE], mounts: ['pod/scratch'] },
  },
  {
    name: 'unpublish',
    call: async (world, signal) => {
      const volumeId = inlineVolumeId(await uidOf(world, signal), 'scratch');
      const asked = { volumeId, targetPath: target(world) };
      return world.node.nodeUnpublishVolume(csi.NodeUnpublishVolumeRequest.fromPartial(asked), signal);
    },
    leaves: { mounts: [], objects: [], volumes: [] },
    later: true,
  },
  {
    name: 'delete the pod',
    call: ({ client }, signal) => unlessGone(client.delete(PODS, KEY, signal, { gracePeriodSeconds: 0 })),
    leaves: NOTHING,
  },
];

const uidOf = async ({ client }: World, signal: AbortSignal): Promise<string> =>
  (await client.get(PODS, KEY, signal)).metadata.uid ?? '';

async function bindAsScheduler({ client }: World, uid: string, signal: AbortSignal): Promise<void> {
  const metadata = { ...KEY, uid };
  const aim = { apiVersion: 'v1', kind: 'Node', name: NODE };
  await client.createSub(PODS, KEY, 'binding', { apiVersion: 'v1', kind: 'Binding', metadata, target: aim }, signal);
}

const again = (message: string): Error => Object.assign(new Error(message), { code: Code.UNAVAILABLE });

/** Calls the extender as kube-scheduler does, which tries a pod again whatever was wrong. */
async function ask<T>({ extender }: World, verb: string, body: object): Promise<T> {
  const sent = request({ socketPath: extender, path: `/scheduler/${verb}`, method: 'POST' });
  const answered = new Promise<string>((resolve, reject) => {
    sent.on('response', (response) => void text(response).then(resolve, reject));
    sent.on('error', ({ message }) => reject(again(message)));
  });
  sent.end(JSON.stringify(body));
  const reply = JSON.parse(await answered) as T & { readonly Error?: string };
  if (reply.Error) throw again(reply.Error);
  return reply;
}
