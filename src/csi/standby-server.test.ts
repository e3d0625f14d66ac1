import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../test/rig/eventually.ts';
import { silentLog } from '../model/log.ts';
import { createCsiClient } from './client.ts';
import {
  ControllerService,
  DeleteVolumeRequest,
  GetPluginInfoRequest,
  ListVolumesRequest,
  ProbeRequest,
} from './gen/csi.ts';
import { service } from './service.ts';
import { createStandbyServer } from './standby-server.ts';
import { Code } from './status.ts';

const never = new AbortController().signal;

test('a replica says who it is, serves nothing until it leads, and closes its socket after its term', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'standby-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const endpoint = { kind: 'unix', path: path.join(folder, 'csi.sock') } as const;
  const server = createStandbyServer({ name: 'csi', driverName: 'd', version: 'v1', endpoint, log: silentLog });
  const client = createCsiClient(endpoint, 10_000);
  onTestFinished(() => client.close());
  const { controller, identity } = client;
  const isReady = async () => (await identity.probe(ProbeRequest.create(), never)).ready;
  const remove = () => controller.deleteVolume(DeleteVolumeRequest.create({ volumeId: 'v' }), never);

  await server.socket.start(never);
  expect((await identity.getPluginInfo(GetPluginInfoRequest.create(), never)).name).toBe('d');
  expect(await isReady()).toBe(false);
  await expect(remove()).rejects.toMatchObject({ code: Code.UNAVAILABLE });

  let hasHeard = false;
  const leader = server.serve([service(ControllerService, { deleteVolume: async () => ({}) })], () => hasHeard);
  await expect(remove()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  await leader.start(never);
  expect([await isReady(), await remove()]).toEqual([false, {}]);
  hasHeard = true;
  expect(await isReady()).toBe(true);
  const list = controller.listVolumes(ListVolumesRequest.create(), never);
  await expect(list).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });

  await rm(endpoint.path);
  await eventually(async () => expect((await stat(endpoint.path)).isSocket()).toBe(true));

  await leader.stop();
  await expect(remove()).rejects.toMatchObject({ code: Code.UNAVAILABLE, details: expect.stringContaining('ENOENT') });
});
