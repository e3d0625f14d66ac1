// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { testOn } from '../machine.ts';
import type { AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { MIB, mounted, targetOf, type VolumesOn } from './agent/volumes-on.ts';
import { createProgress } from './machine/progress.ts';

const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
const SOURCES = ['one', 'two'];
const RECORD = 512;
let node: AgentNode;
let on: VolumesOn;

/** Two volumes with a filesystem each, in use by pods. */
beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['data1', 'data2']));
  for (const name of SOURCES) {
    await on.create(name, 64, { fsType: 'ext4' });
    await on.stage(name, mounted('ext4'));
    await on.publish(name, mounted('ext4'), targetOf(name));
  }
  progress('two volumes are mounted');
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

const order = async (group: string): Promise<readonly string[]> => {
  for (const volume of SOURCES)
    await on.order(`${group}-${volume}`, 16, {
      ...{ role: 'Snapshot', source: { volume }, groupSnapshot: group, groupSources: SOURCES },
      copyOnWrite: { thresholdPercent: 50, stepBytes: 16 * MIB },
    });
  return SOURCES.map((volume) => `${group}-${volume}`);
};
const fileOn = (volume: string): string => `${targetOf(volume)}/file`;
/** Writes each record to the first volume, and when it is on disk there to the second, and tells its number then. */
const startWriter = (): Promise<string> =>
  on.bash(`rm -f /run/stop /run/stopped; echo 0 > /run/told; (set -e; n=0; until [ -e /run/stop ]; do
    for file in ${SOURCES.map(fileOn).join(' ')}; do
      printf '%0${RECORD}d' "$n" | dd of=$file bs=${RECORD} seek="$n" conv=notrunc,fsync iflag=fullblock status=none
    done
    n=$((n + 1)); echo "$n" > /run/new; mv /run/new /run/told
  done; touch /run/stopped) > /run/writer.log 2>&1 &
  until [ "$(cat /run/told)" -gt 10 ]; do sleep 0.1; done`);
const stopWriter = (): Promise<string> =>
  on.bash('touch /run/stop; until [ -e /run/stopped ]; do sleep 0.1; done; cat /run/writer.log');
const told = async (): Promise<number> => Number(await on.bash('cat /run/told'));
/** How many whole records a snapshot has; throws unless each is what was written at its place. */
const records = async (snapshot: string): Promise<number> =>
  Number(
    await on.bash(`mkdir -p /mnt/${snapshot}; mount -o ro /dev/data/${snapshot} /mnt/${snapshot}
    file=/mnt/${snapshot}/file; n=$(($(stat -c %s $file) / ${RECORD}))
    for ((i = 0; i < n; i++)); do printf '%0${RECORD}d' "$i"; done | cmp -n $((n * ${RECORD})) - $file >&2
    umount /mnt/${snapshot}; echo "$n"`),
  );
const stopped = async (): Promise<readonly string[]> =>
  (await on.bash('dmsetup info -c --noheadings --separator " " -o name,suspended'))
    .split('\n')
    .flatMap((line) => /^(\S+) Suspended/.exec(line)?.[1] ?? []);
const isReady = ({ status }: LocalVolume): boolean => status?.phase === 'Ready';
async function remove(names: readonly string[]): Promise<void> {
  for (const name of names) await on.delete(name);
  for (const name of names) await on.untilGone(name);
}

test('of two volumes that are written in turn, the second is never ahead in their snapshots, and both are clean', async () => {
  await startWriter();
  const before = await told();
  const names = await order('group');
  for (const name of names) await on.until(name, isReady);
  const after = await told();
  const [first, second] = [await records(names[0] ?? ''), await records(names[1] ?? '')];
  progress(`${before} records were told before, ${first} and ${second} are in the snapshots, ${after} after`);
  expect(first - second === 0 || first - second === 1).toBe(true);
  expect(second).toBeGreaterThanOrEqual(before);
  expect(second).toBeLessThanOrEqual(after);
  for (const name of names)
    expect(await on.bash(`dumpe2fs -h /dev/data/${name} 2> /dev/null | grep -c needs_recovery || true`)).toBe('0');
  expect(await stopped()).toEqual([]);
  await expect.poll(told, { timeout: 60_000 }).toBeGreaterThan(after);
  await stopWriter();
  await remove(names);
});

/** Takes the first snapshot, and then kills the agent before it hears of it. */
const DEADLY_LVM = `#!/bin/bash
/usr/sbin/lvm "$@"; rc=$?
[[ -e /run/deadly && $* = *lvcreate*--snapshot* ]] && { rm /run/deadly; kill -9 "$(< /run/agent.pid)"; }
exit $rc`;

test('an agent that is killed between two snapshots leaves a volume stopped; the next lets it go on, and the group has failed', async () => {
  await node.vm.writeFile('/usr/local/sbin/lvm', DEADLY_LVM, signal);
  await on.bash('chmod +x /usr/local/sbin/lvm; touch /run/deadly');
  await startWriter();
  const names = await order('cut');
  await on.bash('tail --pid="$(< /run/agent.pid)" -f /dev/null', 120_000);
  expect(await stopped()).toEqual(['data-two']);
  const then = await told();
  await node.startAgent(signal);
  await expect.poll(stopped, { timeout: 60_000 }).toEqual([]);
  await expect.poll(told, { timeout: 60_000 }).toBeGreaterThan(then);
  const failed = ({ status }: LocalVolume): boolean => status?.reason === 'GroupSnapshotFailed';
  expect((await on.until(names[0] ?? '', failed)).status?.phase).toBe('Failed');
  await remove(names);
  await stopWriter();
  expect(await on.bash('lvs --noheadings -o lv_name data | xargs')).toBe('one two');
});
