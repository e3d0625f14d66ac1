import { expect, test } from 'vitest';
import { GIB } from '../model/bytes.ts';
import type { Log } from '../model/log.ts';
import { createFakeTracer } from '../trace/fake-tracer.ts';
import { encrypted, rig } from '../../test/rig/csi-node.ts';
import { MOUNT, serveController } from '../../test/rig/csi-controller.ts';
import * as csi from './gen/csi.ts';
import { ControllerService, GroupControllerService, NodeService } from './gen/csi.ts';
import { Code, codeOf } from './status.ts';

const never = new AbortController().signal;
/** In what must be shown nowhere. */
const MARKER = 'do-not-tell-anybody';

const capability = MOUNT;
const expand = { volumeId: 'v1', capacityRange: { requiredBytes: BigInt(2 * GIB), limitBytes: 0n } };

/** A request of each call of the controller that can be answered: `v1` is a volume. */
const CONTROLLER = {
  createVolume: { name: 'new', volumeCapabilities: [capability], parameters: { volumeType: 'LVM' } },
  deleteVolume: { volumeId: 'v1' },
  validateVolumeCapabilities: { volumeId: 'v1', volumeCapabilities: [capability] },
  listVolumes: {},
  getCapacity: {},
  controllerGetCapabilities: {},
  createSnapshot: { name: 'snap-new', sourceVolumeId: 'v1' },
  deleteSnapshot: { snapshotId: 'snap-gone' },
  listSnapshots: {},
  getSnapshot: { snapshotId: 'snap-gone' },
  controllerExpandVolume: expand,
  controllerGetVolume: { volumeId: 'v1' },
  controllerModifyVolume: { volumeId: 'v1', mutableParameters: { iops: '50' } },
  controllerListVolumeHealth: {},
  controllerGetVolumeHealth: { volumeId: 'v1' },
} satisfies Record<keyof typeof ControllerService, object>;

/** The same of the group controller. */
const GROUPS = {
  groupControllerGetCapabilities: {},
  createVolumeGroupSnapshot: {
    name: 'group-new',
    sourceVolumeIds: ['v1'],
    parameters: { 'csi.aliyun.com/readonly': 'true' },
  },
  getVolumeGroupSnapshot: { groupSnapshotId: 'group-gone' },
  deleteVolumeGroupSnapshot: { groupSnapshotId: 'group-gone' },
} satisfies Record<keyof typeof GroupControllerService, object>;

const ALL = { ...CONTROLLER, ...GROUPS };

/** The same of a node, in the order in which the kubelet calls. */
const nodeCalls = (staging: string, target: string) =>
  ({
    nodeGetInfo: {},
    nodeGetCapabilities: {},
    nodeGetStorageHealth: {},
    nodeStageVolume: { volumeId: 'v1', stagingTargetPath: staging, volumeCapability: capability },
    nodePublishVolume: {
      volumeId: 'v1',
      stagingTargetPath: staging,
      targetPath: target,
      volumeCapability: capability,
    },
    nodeGetVolumeStats: { volumeId: 'v1', volumePath: target },
    nodeGetVolumeHealth: { volumeId: 'v1', volumePublishPath: target, stagingTargetPath: staging },
    nodeExpandVolume: { volumeId: 'v1', volumePath: target },
    nodeUnpublishVolume: { volumeId: 'v1', targetPath: target },
    nodeUnstageVolume: { volumeId: 'v1', stagingTargetPath: staging },
  }) satisfies Record<keyof typeof NodeService, object>;

type AnyCall = (request: unknown, signal: AbortSignal) => Promise<unknown>;
type Methods = Readonly<Record<string, AnyCall>>;
interface AnyMessage {
  fromPartial(given: object): object;
}

/** A whole request: what is given, in the defaults of its message; with a secret where the message has a place. */
function requestOf(method: string, given: object): object {
  const name = `${method.charAt(0).toUpperCase()}${method.slice(1)}Request`;
  const message = (csi as unknown as Readonly<Record<string, AnyMessage>>)[name] as AnyMessage;
  const request = message.fromPartial(given);
  return 'secrets' in request ? { ...request, secrets: SECRETS } : request;
}

const SECRETS = { key: `${MARKER}-${'k'.repeat(32)}`, [MARKER]: MARKER };

/** The answer, or the code and the words of the refusal. */
const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => ({ code: codeOf(error), details: (error as { details: string }).details }));

function collectLog() {
  const lines: unknown[] = [];
  const keep = (fields: object, message: string): void => {
    const { err, method } = fields as { readonly err?: unknown; readonly method?: string };
    if (method === undefined) return; // not of a call
    lines.push({ ...fields, message, ...(err instanceof Error ? { err: [err.message, err.stack] } : {}) });
  };
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  return { log, lines };
}

async function controller() {
  const { log, lines } = collectLog();
  const { tracer, ended } = createFakeTracer();
  const it = await serveController({ log, tracer });
  await it.create('v1');
  lines.length = 0;
  return { ...it, lines, ended, calls: { ...it.client.controller, ...it.client.groups } as unknown as Methods };
}

test.each(Object.entries(ALL))(
  'controller, %s: the same call again, and twice at once, is answered alike, in one line each',
  async (method, given) => {
    const it = await controller();
    const call = (): Promise<unknown> => outcome((it.calls[method] as AnyCall)(requestOf(method, given), never));
    const first = await call();
    expect(await call()).toEqual(first);
    expect(await Promise.all([call(), call()])).toEqual([first, first]);
    expect(it.lines).toHaveLength(4);
    expect(it.lines).toEqual(
      it.lines.map(() => expect.objectContaining({ code: expect.any(String), ms: expect.any(Number) })),
    );
    expect(first).not.toMatchObject({ code: Code.UNIMPLEMENTED });
    expect(first).not.toMatchObject({ code: Code.INTERNAL });
  },
);

test('node: every call, made again and twice at once, is answered alike', async () => {
  const { log, lines } = collectLog();
  const it = await rig(undefined, log);
  const calls = it.node as unknown as Methods;
  for (const [method, given] of Object.entries(nodeCalls(it.staging, it.target))) {
    const call = (): Promise<unknown> => outcome((calls[method] as AnyCall)(requestOf(method, given), never));
    const first = await call();
    expect({ method, again: await call() }).toEqual({ method, again: first });
    expect({ method, both: await Promise.all([call(), call()]) }).toEqual({ method, both: [first, first] });
    expect(first).not.toHaveProperty('code');
  }
  expect(lines).toHaveLength(4 * Object.keys(NodeService).length);
});

test('a secret is in no log, no span, no refusal, no answer and no record, whichever call brings it', async () => {
  const it = await controller();
  const node = await rig(undefined, collectLog().log);
  const seen: unknown[] = [];
  for (const [method, given] of Object.entries(ALL))
    for (const own of [given, {}])
      // and refused
      seen.push(await outcome((it.calls[method] as AnyCall)(requestOf(method, own), never)));
  expect(JSON.stringify([seen, it.lines, it.ended, [...it.volumes.objects]], big)).not.toContain(MARKER);
  expect(seen).toHaveLength(2 * Object.keys({ ...ControllerService, ...GroupControllerService }).length);

  const { log, lines } = collectLog();
  const { tracer, ended } = createFakeTracer();
  const locked = await rig(undefined, log, tracer);
  locked.volumes.set('v1', encrypted('v1'));
  for (const [of, it] of [
    ['plain', node],
    ['encrypted', locked],
  ] as const)
    for (const [method, given] of Object.entries(nodeCalls(it.staging, it.target)))
      for (const own of [given, {}])
        seen.push([
          of,
          await outcome(((it.node as unknown as Methods)[method] as AnyCall)(requestOf(method, own), never)),
        ]);
  expect(JSON.stringify([seen, lines, ended, [...locked.volumes]], big)).not.toContain(MARKER);
  expect(ended.map(({ name }) => name)).toContain('NodeStageVolume');
  expect(lines).toHaveLength(2 * Object.keys(NodeService).length);
});

const big = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
