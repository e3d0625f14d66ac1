import { expect, test } from 'vitest';
import type { KubeObject } from '../../model/objects.ts';
import type { Patch } from '../../kube/client.ts';
import { createStatusReporter } from './report-status.ts';
import type { NlsStatus } from './summarize.ts';

const never = new AbortController().signal;
const at = (seconds: number, more: object = {}): NlsStatus => ({
  nodeStorageInfo: {
    phase: 'Running',
    state: { type: 'DiskReady', lastHeartbeatTime: new Date(seconds * 1000).toISOString() },
    ...more,
  },
});

function rig(nowSeconds: number) {
  const patches: Patch[] = [];
  const patch = <T extends KubeObject>(
    ...[, , change]: readonly [unknown, unknown, Patch, ...unknown[]]
  ): Promise<T> => {
    patches.push(change);
    return Promise.resolve({ metadata: { name: 'node-a' } } as T);
  };
  const report = createStatusReporter({
    client: { patch },
    name: 'node-a',
    heartbeatMs: 300_000,
    now: () => nowSeconds * 1000,
  });
  return { report, patches };
}

test('a status that is new is written whole', async () => {
  const { report, patches } = rig(100);
  expect(await report(undefined, at(100), never)).toEqual({ metadata: { name: 'node-a' } });
  expect(patches).toEqual([{ type: 'json', body: [{ op: 'add', path: '/status', value: at(100) }] }]);
});

test('the same status is written again only for its heartbeat', async () => {
  const soon = rig(399);
  expect(await soon.report(at(100), at(399), never)).toBeUndefined();
  expect(soon.patches).toEqual([]);
  const late = rig(400);
  await late.report(at(100), at(400), never);
  expect(late.patches).toHaveLength(1);
});

test('a heartbeat of the future, from before the clock was set back, is no heartbeat', async () => {
  const { report, patches } = rig(100);
  await report(at(90_000), at(100), never);
  expect(patches).toHaveLength(1);
});

const group = (name: string) => ({ name, total: 1, available: 1, allocatable: 1, physicalVolumes: [] });

test('the order of fields is no change, the order of a list is', async () => {
  const { report, patches } = rig(101);
  const before: NlsStatus = {
    nodeStorageInfo: { ...at(100, { volumeGroups: [group('a'), group('b')] }).nodeStorageInfo },
  };
  const shuffled = JSON.parse(JSON.stringify(before)) as NlsStatus;
  const fields = Object.entries(shuffled.nodeStorageInfo ?? {}).toReversed();
  expect(await report(before, { nodeStorageInfo: Object.fromEntries(fields) }, never)).toBeUndefined();
  await report(before, at(101, { volumeGroups: [group('b'), group('a')] }), never);
  expect(patches).toHaveLength(1);
});
