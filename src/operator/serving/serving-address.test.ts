import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../../test/rig/eventually.ts';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { silentLog } from '../../model/log.ts';
import { ENDPOINT_SLICES, leaderSlice, leadServiceHere, type EndpointSlice } from './serving-address.ts';

const never = new AbortController().signal;
const HERE = {
  namespace: 'default',
  service: 'extender',
  ip: '192.0.2.1',
  port: 23_000,
  portName: 'extender',
  pod: 'operator-1',
};
let ours: OurApi;
let stopping: AbortController;
let running: Promise<void> | undefined;

beforeEach(async () => {
  ours = await startOurApi();
  stopping = new AbortController();
});
afterEach(async () => {
  await stop();
  await ours.close();
});

function start(address = HERE): void {
  running = leadServiceHere(
    address,
    { client: ours.client, notReady: () => undefined, log: silentLog },
    stopping.signal,
  );
}
async function stop(): Promise<void> {
  stopping.abort();
  await running;
}
const stored = (name = 'extender-leader'): EndpointSlice | undefined =>
  ours.api.stored('endpointslices', name, 'default') as EndpointSlice | undefined;
const addresses = (): string[] | undefined => stored()?.endpoints.flatMap((endpoint) => endpoint.addresses);
const put = (slice: EndpointSlice): Promise<unknown> => ours.client.create(ENDPOINT_SLICES, slice, never);

test('the slice names the pod, and its port as the Service does', async () => {
  start();
  await eventually(() => expect(addresses()).toEqual(['192.0.2.1']));
  expect(stored()).toMatchObject({
    metadata: { labels: { 'kubernetes.io/service-name': 'extender' } },
    addressType: 'IPv4',
    endpoints: [{ conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'operator-1' } }],
    ports: [{ name: 'extender', port: 23_000, protocol: 'TCP' }],
  });
  await stop();
  expect(addresses()).toEqual([]);
});

test.each([
  { what: 'an address of another replica', before: { ...HERE, ip: '192.0.2.9' } },
  { what: 'another port', before: { ...HERE, port: 1 } },
  { what: 'an address of the other family', before: { ...HERE, ip: '2001:db8::1' } },
])('$what gives way to the new leader', async ({ before }) => {
  await put(leaderSlice(before));
  start();
  await eventually(() => {
    expect(addresses()).toEqual(['192.0.2.1']);
    expect(stored()?.ports?.[0]?.port).toBe(23_000);
    expect(stored()?.addressType).toBe('IPv4');
  });
});

test('what somebody else writes while this replica leads is mended at once', async () => {
  start();
  await eventually(() => expect(addresses()).toEqual(['192.0.2.1']));
  const key = { namespace: 'default', name: 'extender-leader' };
  const body = { endpoints: [{ addresses: ['192.0.2.2'] }] };
  await ours.client.patch(ENDPOINT_SLICES, key, { type: 'merge', body }, never);
  await eventually(() => expect(addresses()).toEqual(['192.0.2.1']));
  await ours.client.delete(ENDPOINT_SLICES, key, never);
  await eventually(() => expect(addresses()).toEqual(['192.0.2.1']));
});

test('what another replica wrote stays when this one stops', async () => {
  start();
  await eventually(() => expect(addresses()).toEqual(['192.0.2.1']));
  const held = ours.api.troubles.fail({ verb: 'update', resource: 'endpointslices' }, { code: 503 }, 1000);
  const next = { endpoints: [{ addresses: ['192.0.2.2'] }] };
  const key = { namespace: 'default', name: 'extender-leader' };
  await ours.client.patch(ENDPOINT_SLICES, key, { type: 'merge', body: next }, never);
  stopping.abort();
  held.remove();
  await running;
  expect(addresses()).toEqual(['192.0.2.2']);
});

test('what was written for the selector of an earlier version is removed, and nothing of other Services', async () => {
  const old = leaderSlice({ ...HERE, ip: '192.0.2.7' });
  await put({ ...old, metadata: { ...old.metadata, name: 'extender-x7k2p' } });
  const other = leaderSlice({ ...HERE, service: 'other', ip: '192.0.2.8' });
  await put(other);
  start();
  await eventually(() => expect(stored('extender-x7k2p')).toBeUndefined());
  expect(stored('other-leader')).toBeDefined();
  expect(addresses()).toEqual(['192.0.2.1']);
});

test('an address of the version 6 family is told as such', () => {
  expect(leaderSlice({ ...HERE, ip: '2001:db8::1' }).addressType).toBe('IPv6');
});
