import { expect, test } from 'vitest';
import { bytes } from '../model/bytes.ts';
import { createAgentMetrics } from './metrics.ts';
import { createQueues } from './queues.ts';
import { silentLog } from '../model/log.ts';
import { sampleGroup, sampleLocalVolume, sampleObservation } from './storage-fixture.ts';

test('the page tells of commands, calls, turns, groups, volumes and work', async () => {
  const metrics = createAgentMetrics();
  metrics.onCommand({ verb: 'lvcreate', ms: 200, ok: true });
  metrics.onCall({ method: 'NodeStageVolume', code: 'OK', ms: 2000 });
  await metrics.timed(() => Promise.resolve());
  await expect(metrics.timed(() => Promise.reject(new Error('lvm hangs')))).rejects.toThrow('lvm hangs');
  metrics.onObservation(sampleObservation({ groups: [sampleGroup('gone')] }));
  metrics.onObservation(sampleObservation({ groups: [sampleGroup('g', { total: bytes(10), free: bytes(3) })] }));
  const queues = createQueues(silentLog, () => '');
  queues.removals.add('v1');
  const volumes = new Map([
    ['a', sampleLocalVolume({ status: { phase: 'Ready' } })],
    ['b', sampleLocalVolume({ status: { phase: 'Ready' } })],
    ['c', sampleLocalVolume()],
  ]);
  metrics.watch(volumes, queues, { answers: () => new Map([['asleep' as const, 3]]) });
  volumes.delete('a'); // it is counted when the page is made
  const lines = metrics.registry.page().split('\n');
  const expected = [
    'lvm_command_seconds_bucket{verb="lvcreate",ok="true",le="0.1"} 0',
    'lvm_command_seconds_bucket{verb="lvcreate",ok="true",le="0.25"} 1',
    'csi_call_seconds_sum{method="NodeStageVolume",code="OK"} 2',
    'sync_seconds_count{ok="true"} 1',
    'sync_seconds_count{ok="false"} 1',
    'volume_group_bytes{group="g",of="total"} 10',
    'volume_group_bytes{group="g",of="free"} 3',
    'volumes{phase="Ready"} 1',
    'volumes{phase="Pending"} 1',
    'disks{smart="asleep"} 3',
  ];
  expect(lines).toEqual(expect.arrayContaining(expected.map((line) => `open_local_agent_${line}`)));
  expect(lines.filter((line) => line.includes('group="gone"'))).toEqual([]);
  expect(lines.filter((line) => line.startsWith('open_local_agent_work{queue="removals"')).length).toBeGreaterThan(0);
});
