import { expect, test } from 'vitest';
import { present } from '../../model/present.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import { inlineVolumeId } from '../../model/inline-volume.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { KubeObject, NodeLocalStorage } from '../../model/objects.ts';
import { TRACEPARENT } from '../../model/well-known.ts';
import type { KubeClient } from '../../kube/client.ts';
import { ApiError } from '../../kube/errors.ts';
import { createInlineVolumes } from './inline-volumes.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';

const never = new AbortController().signal;
const ID = inlineVolumeId('u-1', 'scratch');
const wanted = {
  id: ID,
  vgName: 'pool-0',
  sizeBytes: bytes(GIB),
  layout: 'linear',
  limits: {},
  fsType: '',
  targetPath: '/pods/p/mount',
} as const;
const inline = (parts: Parameters<typeof sampleLocalVolume>[0] = {}): LocalVolume =>
  sampleLocalVolume({ ...parts, spec: { role: 'Ephemeral', ...parts?.spec }, meta: { name: ID, ...parts?.meta } });
const READY = { status: { phase: 'Ready', sizeBytes: GIB, devicePath: '/dev/pool-0/x' } } as const;

const nodeWith = (available: number): NodeLocalStorage => ({
  metadata: { name: 'node-a' },
  status: {
    nodeStorageInfo: {
      volumeGroups: [{ name: 'pool-0', physicalVolumes: [], total: 10 * GIB, available, allocatable: available }],
    },
    filteredStorageInfo: { volumeGroups: ['pool-0'] },
  },
});
const NODE = nodeWith(10 * GIB);

/** What is stored, and what of it was heard; `status` is what the node's work will make of a new one. */
function rig(
  options: {
    readonly stored?: LocalVolume;
    readonly heard?: LocalVolume;
    readonly down?: true;
    readonly nls?: NodeLocalStorage;
    /** The group where it is from before us. */
    readonly old?: string;
    /** What becomes of a record that is made; absent: it is Ready. */
    readonly made?: LocalVolume['status'];
    readonly traceparent?: string;
    /** What the API server says of a record. */
    readonly refused?: ApiError;
  } = {},
) {
  let stored = options.stored;
  const calls: string[] = [];
  const answer = <T extends KubeObject>(call: string, object: LocalVolume | undefined): Promise<T> => {
    calls.push(call);
    if (options.down) return Promise.reject(new ApiError({ code: 0, reason: '', message: 'no connection' }));
    if (!object) return Promise.reject(new ApiError({ code: 404, reason: 'NotFound', message: 'gone' }));
    return Promise.resolve(object as unknown as T);
  };
  const client: Pick<KubeClient, 'create' | 'get' | 'delete'> = {
    create: <T extends KubeObject>(_: unknown, object: T): Promise<T> => {
      if (options.refused) return Promise.reject(options.refused);
      if (stored) return Promise.reject(new ApiError({ code: 409, reason: 'AlreadyExists', message: 'there' }));
      stored = { ...(object as unknown as LocalVolume), ...(options.made ? { status: options.made } : READY) };
      return answer('create', stored);
    },
    get: () => answer('get', stored),
    delete: async () => {
      await answer('delete', stored);
    },
  };
  const heard = new Map<string, LocalVolume>();
  const volumes = {
    get: () => options.heard,
    values: heard,
    wrote: (volume: LocalVolume) => void heard.set(volume.metadata.name ?? '', volume),
    subscribe: (handlers: { readonly changed?: (now: LocalVolume, before: undefined) => void }) => {
      if (stored) handlers.changed?.(stored, undefined);
      return () => {};
    },
  };
  return {
    calls,
    stored: () => stored,
    ...createInlineVolumes({
      client,
      nodeName: 'node-a',
      volumes,
      nls: () => options.nls ?? NODE,
      oldGroupOf: () => Promise.resolve(options.old),
      waitMs: 50,
      tracer: { traceparent: () => options.traceparent },
    }),
  };
}

test('the trace of the call goes with the volume, where it is recorded', async () => {
  const told = async (traceparent?: string): Promise<unknown> => {
    const it = rig(present({ traceparent }));
    await it.makeInline(wanted, never);
    return it.stored()?.metadata.annotations;
  };
  const always = { 'csi.aliyun.com/published-at': '/pods/p/mount' };
  expect([await told(), await told('of NodePublish')]).toEqual([
    always,
    { ...always, [TRACEPARENT]: 'of NodePublish' },
  ]);
});

test('made once, with a finalizer and the label of its node', async () => {
  const it = rig();
  await it.makeInline(wanted, never);
  expect(it.stored()).toMatchObject({
    metadata: {
      name: ID,
      labels: { 'csi.aliyun.com/node': 'node-a' },
      annotations: { 'csi.aliyun.com/published-at': '/pods/p/mount' },
      finalizers: ['csi.aliyun.com/volume-on-node'],
    },
    spec: { nodeName: 'node-a', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Ephemeral' },
  });
  expect(it.stored()?.spec).not.toHaveProperty('limits');
  await it.makeInline(wanted, never);
  expect(it.calls).toEqual(['get', 'create', 'get']);
});

test.each([
  ['of another kind', sampleLocalVolume({ meta: { name: ID }, ...READY }), 'conflict'],
  ['of another node', inline({ spec: { nodeName: 'node-b' }, ...READY }), 'conflict'],
  ['of another group', inline({ spec: { vgName: 'other' }, ...READY }), 'conflict'],
  ['on its way out', inline({ meta: { deletionTimestamp: 'now' }, ...READY }), 'unavailable'],
])('a volume %s is not taken', async (_, stored, kind) => {
  await expect(rig({ stored }).makeInline(wanted, never)).rejects.toMatchObject({ kind });
});

test('what the node says is passed on; one without room is removed, one that fails otherwise stays', async () => {
  const full = rig({ stored: inline({ status: { phase: 'Failed', reason: 'NoSpace', message: 'no room' } }) });
  await expect(full.makeInline(wanted, never)).rejects.toMatchObject({
    kind: 'exhausted',
    message: expect.stringContaining('no room') as string,
  });
  expect(full.calls).toEqual(['get', 'delete']);
  const lost = rig({ stored: inline({ status: { phase: 'Failed', reason: 'VolumeLost', message: 'it is gone' } }) });
  await expect(lost.makeInline(wanted, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('it is gone') as string,
  });
  expect(lost.calls).toEqual(['get']);
});

test('a record that the definition in the cluster cannot hold is refused by name', async () => {
  const message = 'strict decoding error: unknown field "spec.encryption"';
  const refused = new ApiError({ code: 400, reason: 'BadRequest', message });
  await expect(rig({ refused }).makeInline(wanted, never)).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/^recording volume .*unknown field "spec.encryption": the definition/) as string,
  });
});

test('a node that says nothing is waited for, not for ever', async () => {
  await expect(rig({ stored: inline() }).makeInline(wanted, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('only inline volumes of this node are removed', async () => {
  const it = rig({ stored: inline(READY) });
  await it.removeInline(ID, never);
  expect(it.calls).toEqual(['get', 'delete']);
  const others = [sampleLocalVolume({ meta: { name: ID } }), inline({ spec: { nodeName: 'node-b' } })];
  for (const stored of others) {
    const other = rig({ stored });
    await other.removeInline(ID, never);
    expect(other.calls).toEqual(['get']);
  }
  const plain = rig();
  await plain.removeInline('pvc-1', never);
  expect(plain.calls).toEqual([]);
  await plain.removeInline(ID, never); // gone: done
  expect(plain.calls).toEqual(['get']);
});

test('without the API server the kubelet has to ask again', async () => {
  const it = rig({ down: true });
  await expect(it.removeInline(ID, never)).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(it.makeInline(wanted, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('without room nothing is made; what is made counts for the next, also for one that comes at the same time', async () => {
  const full = rig({ nls: nodeWith(GIB / 2) });
  await expect(full.makeInline(wanted, never)).rejects.toMatchObject({ kind: 'exhausted' });
  expect(full.calls).toEqual(['get']);
  const last = rig({ nls: nodeWith(1.5 * GIB) });
  const ids = ['a', 'b'].map((name) => inlineVolumeId('u-1', name));
  const made = await Promise.allSettled(ids.map((id) => last.makeInline({ ...wanted, id }, never)));
  expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(last.calls.filter((call) => call === 'create')).toHaveLength(1);
});

test('one from before us is adopted when it is published again, and needs no room: it has it', async () => {
  const it = rig({ old: 'pool-0', nls: nodeWith(0) });
  await it.makeInline(wanted, never);
  expect(it.stored()?.spec).toMatchObject({ role: 'Ephemeral', vgName: 'pool-0', sizeBytes: GIB, adopted: true });
  await expect(rig({ nls: nodeWith(0) }).makeInline(wanted, never)).rejects.toMatchObject({ kind: 'exhausted' });
});

const lost = { phase: 'Failed', reason: 'VolumeLost', message: 'it is gone' } as const;
const faulty = { phase: 'Failed', reason: 'GroupFaulty', message: 'its disks are missing' } as const;

test('one from before us gets a record when it is unpublished, and is removed by it', async () => {
  const it = rig({ old: 'pool-0' });
  await it.removeInline(ID, never);
  expect(it.calls.slice(-2)).toEqual(['create', 'delete']);
  expect(it.stored()?.spec).toEqual({
    ...{ nodeName: 'node-a', kind: 'LVM', vgName: 'pool-0', sizeBytes: 1, role: 'Ephemeral', adopted: true },
  });
  const gone = rig({ old: 'pool-0', made: lost });
  await gone.removeInline(ID, never);
  expect(gone.calls.at(-1)).toBe('delete');
});

test('one from before us that misses its disks keeps its record until they are back', async () => {
  const it = rig({ old: 'pool-0', made: faulty });
  await expect(it.removeInline(ID, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('its disks are missing') as string,
  });
  expect(it.calls).not.toContain('delete');
});
