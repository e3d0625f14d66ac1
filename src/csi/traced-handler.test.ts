import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../model/log.ts';
import { Fault } from '../model/fault.ts';
import { createFakeTracer } from '../trace/fake-tracer.ts';
import { ControllerService, DeleteVolumeRequest, IdentityService, ProbeRequest } from './gen/csi.ts';
import { createCsiServer } from './server.ts';
import { service, type Handlers, type Method } from './service.ts';
import { Code } from './status.ts';

const never = new AbortController().signal;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = `00-${TRACE}-b7ad6b7169203331-01`;

/** A server whose calls are recorded, and what calls it with metadata. */
async function serve(deleteVolume: Handlers<typeof ControllerService>['deleteVolume'] & {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'open-local-traced-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const endpoint = { kind: 'unix', path: path.join(folder, 'csi.sock') } as const;
  const recorded = createFakeTracer();
  const server = createCsiServer({
    ...{ name: 'csi controller', endpoint, log: silentLog, tracer: recorded.tracer },
    madeWith: (volume) => (volume === 'known' ? CALLER : undefined),
    services: [
      service(IdentityService, { probe: async () => ({ ready: true }) }),
      service(ControllerService, { deleteVolume }),
    ],
  });
  await server.start(never);
  onTestFinished(() => server.stop());
  const client = new Client(`unix://${endpoint.path}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const call = async <Q, A>(method: Method<Q, A>, request: Q, traceparent?: string): Promise<Code> => {
    const metadata = new Metadata();
    if (traceparent !== undefined) metadata.set('traceparent', traceparent);
    const { path: name, requestSerialize, responseDeserialize } = method;
    const running = client.makeUnaryRequest(name, requestSerialize, responseDeserialize, request, metadata, () => {});
    const [{ code }] = (await once(running, 'status')) as [{ code: Code }];
    return code;
  };
  const remove = (volumeId: string, traceparent?: string): Promise<Code> =>
    call(
      ControllerService.deleteVolume,
      DeleteVolumeRequest.fromPartial({ volumeId, secrets: { key: 'do-not-tell' } }),
      traceparent,
    );
  const probe = (traceparent?: string): Promise<Code> =>
    call(IdentityService.probe, ProbeRequest.create(), traceparent);
  return { ...recorded, remove, probe };
}

test('a call goes on with the trace of its caller, and what it does is part of it', async () => {
  const { tracer, find, remove } = await serve(() => tracer.within({ name: 'work' }, async () => ({})));
  expect(await remove('v-1', CALLER)).toBe(Code.OK);
  expect(find('DeleteVolume')).toMatchObject({
    ...{ traceId: TRACE, parentId: 'b7ad6b7169203331', kind: 'server' },
    attributes: {
      ...{ 'rpc.system': 'grpc', 'rpc.method': 'csi.v1.Controller/DeleteVolume', 'rpc.grpc.status_code': 0 },
      volume: 'v-1',
    },
  });
  expect(find('work').parentId).toBe(find('DeleteVolume').spanId);
  expect(tracer.traceparent()).toBeUndefined();
});

test('a call without one begins a trace, which names that of its volume', async () => {
  const { ended, remove } = await serve(async () => ({}));
  await remove('known');
  await remove('v-2', 'nonsense');
  expect(ended.map(({ link }) => link?.traceId)).toEqual([TRACE, undefined]);
  expect(ended.map(({ parentId }) => parentId)).toEqual([undefined, undefined]);
  expect(ended.map(({ traceId }) => traceId)).not.toContain(TRACE);
});

test('what fails is told as the caller is told it, without secrets', async () => {
  const { ended, remove } = await serve(() =>
    Promise.reject(new Fault('exhausted', 'no room, says the disk: do-not-tell')),
  );
  expect(await remove('v-1')).toBe(Code.RESOURCE_EXHAUSTED);
  expect(ended).toMatchObject([
    { failure: 'no room, says the disk: (secret)', attributes: { 'rpc.grpc.status_code': Code.RESOURCE_EXHAUSTED } },
  ]);
  expect(JSON.stringify(ended)).not.toContain('do-not-tell');
});

test('calls that only look around begin no trace, and are part of one that comes', async () => {
  const { ended, probe } = await serve(async () => ({}));
  await probe();
  expect(ended).toEqual([]);
  await probe(CALLER);
  expect(ended).toMatchObject([{ name: 'Probe', traceId: TRACE }]);
});
