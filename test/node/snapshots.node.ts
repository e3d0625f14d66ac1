// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { testOn } from '../machine.ts';
import { ofWhole } from '../whole.ts';
import type { AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { MIB, mounted, targetOf, type VolumesOn } from './agent/volumes-on.ts';
import { createProgress } from './machine/progress.ts';

const test = testOn('root', 'qemu');
const testOfWhole = ofWhole(test);
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['data1', 'data2']));
  progress('the group is made');
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

const take = (name: string, source: string, mib: number): Promise<LocalVolume> =>
  on.create(name, mib, {
    ...{ role: 'Snapshot', source: { volume: source } },
    copyOnWrite: { thresholdPercent: 25, stepBytes: 64 * MIB },
  });
/** A claim made from a snapshot of open-local's class: it shows the snapshot, and may ask for less. */
const read = (name: string, snapshot: string, mib = 4): Promise<LocalVolume> =>
  on.create(name, mib, { source: { snapshot }, readOnly: true });

async function publish(name: string, fsType: string): Promise<string> {
  await on.stage(name, mounted(fsType));
  await on.publish(name, mounted(fsType), targetOf(name));
  return targetOf(name);
}

async function unpublish(name: string): Promise<void> {
  await on.unpublish(name, targetOf(name));
  await on.unstage(name);
}

async function remove(...names: readonly string[]): Promise<void> {
  for (const name of names) await on.delete(name);
  for (const name of names) await on.untilGone(name);
}

const RECORD = 4096;
/**
 * Writes as a database does: record after record of known content, each on disk before its number is told in
 * /run/told.
 */
const startWriter = (file: string): Promise<string> =>
  on.bash(`rm -f /run/stop /run/stopped; echo 0 > /run/told; (set -e; n=0; until [ -e /run/stop ]; do
    printf '%0${RECORD}d' "$n" | dd of=${file} bs=${RECORD} seek="$n" conv=notrunc,fsync iflag=fullblock status=none
    n=$((n + 1)); echo "$n" > /run/new; mv /run/new /run/told
  done; touch /run/stopped) > /run/writer.log 2>&1 &
  until [ "$(cat /run/told)" -gt 20 ]; do sleep 0.1; done`);
const stopWriter = (): Promise<string> =>
  on.bash('touch /run/stop; until [ -e /run/stopped ]; do sleep 0.1; done; cat /run/writer.log');
const told = async (): Promise<number> => Number(await on.bash('cat /run/told'));
/** How many whole records a file has; throws unless each is what was written at its place. */
const records = async (file: string): Promise<number> =>
  Number(
    await on.bash(`n=$(($(stat -c %s ${file}) / ${RECORD}))
    for ((i = 0; i < n; i++)); do printf '%0${RECORD}d' "$i"; done | cmp -n $((n * ${RECORD})) - ${file} >&2; echo "$n"`),
  );

for (const fsType of ['xfs']) {
  test(`${fsType}: a snapshot of a volume that is written is a consistent prefix, and several read it at once`, async () => {
    const [name, snap] = [`db-${fsType}`, `snap-${fsType}`];
    await on.create(name, 320, { fsType });
    const file = `${await publish(name, fsType)}/file`;
    const device = await on.bash(`stat -L -c %t:%T /dev/data/${name}`);
    await startWriter(file);
    const before = await told();
    const { status } = await take(snap, name, 64);
    const after = await told();
    expect(status?.snapshot).toMatchObject({ sourceBytes: 320 * MIB, overflowed: false });
    expect(Math.abs(Date.parse(status?.snapshot?.takenAt ?? '') - Date.now())).toBeLessThan(600_000);
    expect(await on.bash(`lvs --noheadings -o lv_attr,lv_tags data/${snap} | xargs`)).toMatch(/^s.i.* open-local$/);
    expect(await on.bash(`stat -L -c %t:%T /dev/data/${name}`), 'limits of IO still fit').toBe(device);

    const shown = [];
    for (const reader of ['one', 'two']) {
      await read(`${reader}-${fsType}`, snap);
      shown.push(`${await publish(`${reader}-${fsType}`, fsType)}/file`);
    }
    const counts = await Promise.all(shown.map(records));
    progress(`${fsType}: ${before} records were told before, ${counts[0]} are in the snapshot, ${after} after`);
    expect(counts[0]).toBe(counts[1]);
    expect(counts[0]).toBeGreaterThanOrEqual(before);
    expect(counts[0]).toBeLessThanOrEqual(after + 1);
    const written = await on.bash(`touch ${targetOf(`one-${fsType}`)}/new 2>&1 || true`);
    expect(written).toMatch(/Read-only file system/);
    await stopWriter();
    expect(await records(file)).toBe(await told());
    for (const reader of ['one', 'two']) {
      await unpublish(`${reader}-${fsType}`);
      await remove(`${reader}-${fsType}`);
    }
    await remove(snap);
    await unpublish(name);
    await remove(name);
    expect(await on.bash('lvs --noheadings -o lv_name data; dmsetup ls | grep -c ^data || true')).toBe('0');
  });
}

/** Takes the snapshot, and then kills the agent before it hears of it. */
const DEADLY_LVM = `#!/bin/bash
/usr/sbin/lvm "$@"; rc=$?
[[ -e /run/deadly && $* = *lvcreate*--snapshot* ]] && { rm /run/deadly; kill -9 "$(< /run/agent.pid)"; }
exit $rc`;

test('a snapshot whose agent was killed when it was taken is told by the next, and is not taken again', async () => {
  await on.create('kept', 64);
  await on.bash('head -c 1M /dev/urandom > /run/old; dd if=/run/old of=/dev/data/kept oflag=direct bs=1M status=none');
  await node.vm.writeFile('/usr/local/sbin/lvm', DEADLY_LVM, signal);
  await on.bash('chmod +x /usr/local/sbin/lvm; touch /run/deadly');
  await on.order('snap-kept', 16, { role: 'Snapshot', source: { volume: 'kept' } });
  await on.bash('tail --pid="$(< /run/agent.pid)" -f /dev/null');
  expect(await on.bash('lvs --noheadings -o lv_tags data/snap-kept | xargs')).toMatch(/unfinished/);
  await on.bash('dd if=/dev/zero of=/dev/data/kept bs=1M count=1 oflag=direct status=none');
  const uuid = await on.bash('lvs --noheadings -o lv_uuid data/snap-kept | xargs');
  await node.startAgent(signal);
  const { status } = await on.until('snap-kept', (volume) => volume.status?.phase === 'Ready');
  expect(status?.volumeUuid).toBe(uuid);
  expect(await on.bash('cmp -n 1048576 /run/old /dev/data/snap-kept && echo same')).toBe('same');
});

testOfWhole(
  'a volume that was left stopped by a killed lvm goes on, and a snapshot of a frozen filesystem is clean',
  async () => {
    await on.bash('dmsetup suspend data-kept');
    await node.ask({ resourceToBeInited: { vgs: [] } }, signal); // a look at the node
    await expect
      .poll(() => on.bash('dmsetup info -c --noheadings -o suspended data-kept'), { timeout: 60_000 })
      .toBe('Active');
    await remove('snap-kept', 'kept');
    await on.create('live', 64, { fsType: 'ext4' });
    const target = await publish('live', 'ext4');
    await on.bash(`touch ${target}/file`);
    await take('snap-live', 'live', 16);
    expect(await on.bash('dumpe2fs -h /dev/data/snap-live 2> /dev/null | grep -c needs_recovery || true')).toBe('0');
    expect(await on.bash('dumpe2fs -h /dev/data/live 2> /dev/null | grep -c needs_recovery')).toBe('1');
    await unpublish('live');
    await remove('snap-live', 'live');
  },
);
