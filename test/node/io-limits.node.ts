// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { IoLimits } from '../../src/model/storage-class.ts';
import { testOn } from '../machine.ts';
import { startAgentNode, type AgentNode } from './agent/agent-node.ts';
import { expectRate, KINDS, podCgroups, type PodCgroups, type Version } from './agent/pod-cgroups.ts';
import { createProgress } from './machine/progress.ts';
import { block, blockTargetOf, MIB, mounted, targetOf, volumesOn, type VolumesOn } from './agent/volumes-on.ts';

const test = testOn('root', 'qemu');
const KIB = 1024;
const POLL = { timeout: 20_000, interval: 300 };
const LIMITS: IoLimits = { readBps: 2 * MIB, writeBps: MIB, readIops: 1000, writeIops: 900 };
/** In the words of each kernel interface. */
const SAID: Readonly<Record<Version, (limits: IoLimits) => RegExp>> = {
  v2: ({ readBps = 'max', writeBps = 'max', readIops = 'max', writeIops = 'max' }) =>
    new RegExp(`rbps=${readBps} wbps=${writeBps} riops=${readIops} wiops=${writeIops}$`),
  v1: ({ readBps, writeBps, readIops, writeIops }) =>
    new RegExp(
      `^${Object.entries({ read_bps: readBps, write_bps: writeBps, read_iops: readIops, write_iops: writeIops })
        .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
        .join(' ')}$`,
    ),
};

for (const version of ['v2', 'v1'] as const) {
  describe(`cgroup ${version}`, () => {
    const signal = AbortSignal.timeout(1_800_000);
    const progress = createProgress(import.meta.filename);
    const said = SAID[version];
    let node: AgentNode;
    let on: VolumesOn;
    let cgroups: PodCgroups;
    let device = '';

    beforeAll(async () => {
      node = await startAgentNode(signal, { cgroup: version });
      on = volumesOn(node, signal);
      cgroups = podCgroups(version, on);
      await node.startAgent(signal);
      await on.makeGroup('data', ['disk']);
      await on.create('fs', 64, { fsType: 'ext4', limits: LIMITS });
      await on.stage('fs', mounted('ext4'));
      await cgroups.make('pod-a');
      await on.publish('fs', mounted('ext4'), targetOf('fs', 'pod-a'));
      device = await numberOf('fs');
      progress('a limited volume is published');
    });

    afterAll(async () => {
      await node?.[Symbol.asyncDispose]();
    });

    const numberOf = (name: string): Promise<string> => on.bash(`stat -L -c '%Hr:%Lr' /dev/data/${name}`);
    /** All of them: what is not named is taken away. */
    const limit = (limits: IoLimits): Promise<void> =>
      on.change('fs', { limits: { readBps: null, writeBps: null, readIops: null, writeIops: null, ...limits } });
    const untilSaid = (limits: IoLimits, pod = 'pod-a', container = ''): Promise<void> =>
      expect.poll(() => cgroups.read(device, pod, container), POLL).toMatch(said(limits));

    for (const kind of KINDS)
      test(`a pod that is ${kind} is limited when it gets the volume, and not after`, async () => {
        const pod = `pod-${KINDS.indexOf(kind)}`;
        await cgroups.make(pod, kind);
        await on.publish('fs', mounted('ext4'), targetOf('fs', pod));
        expect(await cgroups.read(device, pod)).toMatch(said(LIMITS));
        await on.unpublish('fs', targetOf('fs', pod));
        expect(await cgroups.read(device, pod)).toBe('');
      });

    test('bytes a second hold on a mounted volume, for reads and writes apart', async () => {
      const file = `${targetOf('fs', 'pod-a')}/file`;
      const io = { pod: 'pod-a', file, blockBytes: 64 * KIB } as const;
      const written = await cgroups.measure({ ...io, does: 'write', blocks: 48 });
      const read = await cgroups.measure({ ...io, does: 'read', blocks: 48 });
      progress(`1 MiB/s: ${(written / MIB).toFixed(3)} written, 2 MiB/s: ${(read / MIB).toFixed(3)} read`);
      expectRate(written, MIB);
      expectRate(read, 2 * MIB);
    });

    test('operations a second hold on a raw block volume, for reads and writes apart', async () => {
      await on.create('raw', 64, { limits: { readIops: 100, writeIops: 50 } });
      await on.stage('raw', block);
      await cgroups.make('pod-raw');
      await on.publish('raw', block, blockTargetOf('raw', 'pod-raw'));
      const io = { pod: 'pod-raw', file: blockTargetOf('raw', 'pod-raw'), blockBytes: 4 * KIB } as const;
      const written = (await cgroups.measure({ ...io, does: 'write', blocks: 150 })) / io.blockBytes;
      const read = (await cgroups.measure({ ...io, does: 'read', blocks: 300 })) / io.blockBytes;
      progress(`50 IO/s: ${written.toFixed(1)} written, 100 IO/s: ${read.toFixed(1)} read`);
      expectRate(written, 50);
      expectRate(read, 100);
    });

    test('a limit changes while the pod runs, and goes', async () => {
      await limit({ ...LIMITS, writeBps: 4 * MIB });
      await untilSaid({ ...LIMITS, writeBps: 4 * MIB });
      const file = `${targetOf('fs', 'pod-a')}/file`;
      expectRate(
        await cgroups.measure({ pod: 'pod-a', does: 'write', file, blockBytes: 64 * KIB, blocks: 160 }),
        4 * MIB,
      );
      await on.change('fs', { limits: null });
      await expect.poll(() => cgroups.read(device, 'pod-a'), POLL).toBe('');
      await limit(LIMITS);
      await untilSaid(LIMITS);
    });

    test('what something else wrote over a limit is repaired at once', async () => {
      await cgroups.write(version === 'v2' ? `${device} wbps=max` : `${device} 0`, 'pod-a');
      await untilSaid(LIMITS);
    });

    test('a container that is started anew has the limits', async () => {
      await cgroups.addContainer('pod-a', 'again');
      // On v2 the pod's own limit holds for all below it.
      if (version === 'v1') await untilSaid(LIMITS, 'pod-a', 'again');
      else expect(await cgroups.read(device, 'pod-a')).toMatch(said(LIMITS));
    });

    test('a pod whose cgroup comes after its volume is limited as soon as it has one', async () => {
      await on.publish('fs', mounted('ext4'), targetOf('fs', 'late'));
      await cgroups.make('late');
      await untilSaid(LIMITS, 'late');
      await on.unpublish('fs', targetOf('fs', 'late'));
    });

    test('a new agent repairs what was changed while there was none', async () => {
      await node.stopAgent(signal);
      await cgroups.write(version === 'v2' ? `${device} wbps=max riops=7` : `${device} 77`, 'pod-a');
      await limit({ readIops: 33 });
      await node.startAgent(signal);
      await untilSaid({ readIops: 33 });
    });

    test('what a limit does to buffered writes is so, or is told', async () => {
      await limit({ writeBps: MIB });
      await untilSaid({ writeBps: MIB });
      const told = (await node.events(signal)).filter(({ reason }) => reason === 'LimitsPartial');
      if (version === 'v1') {
        expect(told[0]?.message).toMatch(/for each container .* not for buffered writes/);
        return;
      }
      expect(told).toEqual([]);
      const seconds =
        await on.bash(`echo $$ > $(find /sys/fs/cgroup -path '*pod_a.slice/main/cgroup.procs'); a=$EPOCHREALTIME
        dd if=/dev/zero of=${targetOf('fs', 'pod-a')}/buffered bs=64k count=48 conv=fsync status=none; b=$EPOCHREALTIME
        echo $$ > /sys/fs/cgroup/cgroup.procs; awk "BEGIN { print $b - $a }"`);
      expect(Number(seconds)).toBeGreaterThan(2.4); // 3 MiB
    });

    test('limits are there again after a power cut', async () => {
      await node.restart(signal);
      await cgroups.make('pod-a');
      await on.stageAfterBoot('fs', mounted('ext4'));
      await on.publish('fs', mounted('ext4'), targetOf('fs', 'pod-a'));
      device = await numberOf('fs');
      expect(await cgroups.read(device, 'pod-a')).toMatch(said({ writeBps: MIB }));
    });
  });
}
