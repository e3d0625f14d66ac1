// oxlint-disable vitest/no-standalone-expect -- `test` is testOn's, which the rule does not know
import { afterAll, beforeAll, expect } from 'vitest';
import type { VolumeCapability } from '../../src/csi/gen/csi.ts';
import { cloneSnapshotId } from '../../src/model/copies.ts';
import { testOn } from '../machine.ts';
import type { AgentNode } from './agent/agent-node.ts';
import { startGroupNode } from './agent/group-node.ts';
import { MIB, mounted, targetOf, type VolumesOn } from './agent/volumes-on.ts';
import { createProgress } from './machine/progress.ts';

const test = testOn('root', 'qemu');
const progress = createProgress(import.meta.filename);
const signal = AbortSignal.timeout(1_800_000);
/** So slow that a copy is long enough to be cut. */
const SLOW = ['--copy-bandwidth=4Mi'];
let node: AgentNode;
let on: VolumesOn;

beforeAll(async () => {
  ({ node, on } = await startGroupNode(signal, ['data1', 'data2'], SLOW));
  progress('the group is made');
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

async function publish(name: string, capability: VolumeCapability): Promise<string> {
  await on.stage(name, capability);
  await on.publish(name, capability, targetOf(name));
  return targetOf(name);
}

async function publishAfterBoot(name: string, capability: VolumeCapability): Promise<string> {
  await on.stageAfterBoot(name, capability);
  await on.publish(name, capability, targetOf(name));
  return targetOf(name);
}

/** Writes block after block of known content and syncs each, until the machine loses power. */
const startWriter = (file: string): Promise<string> =>
  on.bash(`(set -e; for ((n = 0; n < 40; n++)); do
    printf '%01048576d' "$n" | dd of=${file} bs=1M seek="$n" conv=notrunc,fsync iflag=fullblock status=none
  done) > /run/writer.log 2>&1 &`);
const uuidOf = (name: string): Promise<string> => on.bash(`blkid -p -s UUID -o value /dev/data/${name}`);
const sumOf = (name: string, mib: number): Promise<string> =>
  on.bash(`dd if=/dev/data/${name} bs=1M count=${mib} iflag=direct status=none | sha256sum`);
/** Resolves once more of the copy is told than `bytes`. */
const untilCopied = async (name: string, bytes: number): Promise<number> =>
  (await on.until(name, ({ status }) => (status?.copiedBytes ?? 0) > bytes)).status?.copiedBytes ?? 0;

test('a clone of a volume that is written is a consistent prefix, through a killed agent and a power cut', async () => {
  await on.create('live', 96, { fsType: 'ext4' });
  const file = `${await publish('live', mounted('ext4'))}/log`;
  await startWriter(file);
  await on.bash(`until [ "$(stat -c %s ${file})" -gt ${4 * MIB} ]; do sleep 0.1; done`);
  const store = { thresholdPercent: 50, stepBytes: 16 * MIB };
  await on.order(cloneSnapshotId('clone'), 100, { role: 'Snapshot', source: { volume: 'live' }, copyOnWrite: store });
  await on.order('clone', 160, { source: { volume: 'live' }, fsType: 'ext4' });

  await untilCopied('clone', 0);
  await on.bash('kill -9 "$(< /run/agent.pid)"; tail --pid="$(< /run/agent.pid)" -f /dev/null');
  const first = await untilCopied('clone', 0); // it may have told more before it was killed
  await node.startAgent(signal, 'agent', SLOW);
  const second = await untilCopied('clone', first);
  progress('cut by SIGKILL and gone on');
  await on.bash('sync /var/log/agent.log'); // it is read after the cut
  await node.restart(signal, SLOW);
  const { status } = await on.until('clone', (volume) => volume.status?.phase === 'Ready');
  expect(status).toMatchObject({ progress: 100, copiedBytes: 96 * MIB });
  const begun = [...(await node.agentLog(signal)).matchAll(/bytes from (\d+) to/g)].map(([, from]) => Number(from));
  expect(begun).toEqual([0, first, expect.any(Number)]);
  expect(begun[2]).toBeGreaterThanOrEqual(second);
  progress('cut by the power and whole');

  expect(await uuidOf('clone')).not.toBe(await uuidOf('live'));
  await publishAfterBoot('live', mounted('ext4'));
  const at = await publishAfterBoot('clone', mounted('ext4'));
  const blocks = Math.floor(Number(await on.bash(`stat -c %s ${at}/log`)) / MIB);
  expect(blocks).toBeGreaterThanOrEqual(4);
  const want = `for ((n = 0; n < ${blocks}; n++)); do printf '%01048576d' "$n"; done`;
  expect(await on.bash(`${want} | cmp -n ${blocks * MIB} - ${at}/log && echo same`)).toBe('same');
  expect(Number(await on.bash(`df -m --output=size ${at} | tail -1`))).toBeGreaterThan(130); // grown at stage
});

test('an xfs and a raw device are copied from a snapshot: the one with a UUID of its own, the other as it is', async () => {
  await node.stopAgent(signal);
  await node.startAgent(signal);
  await on.create('files', 320, { fsType: 'xfs' });
  const at = await publish('files', mounted('xfs'));
  await on.bash(`echo kept > ${at}/kept; sync --file-system ${at}`);
  await on.create('raw', 32);
  await on.bash('dd if=/dev/urandom of=/dev/data/raw bs=1M count=16 oflag=direct status=none');
  const store = { thresholdPercent: 50, stepBytes: 16 * MIB };
  for (const name of ['files', 'raw'])
    await on.create(`snap-${name}`, 16, {
      role: 'Snapshot',
      source: { volume: name },
      restore: 'Copy',
      copyOnWrite: store,
    });
  const before = await sumOf('raw', 32);
  await on.bash('dd if=/dev/zero of=/dev/data/raw bs=1M count=8 oflag=direct status=none');

  await on.create('files2', 320, { source: { snapshot: 'snap-files' }, fsType: 'xfs' });
  await on.create('raw2', 48, { source: { snapshot: 'snap-raw' } });
  expect(await sumOf('raw2', 32)).toBe(before);
  expect(await uuidOf('files2')).not.toBe(await uuidOf('files'));
  const copy = await publish('files2', mounted('xfs'));
  expect(await on.bash(`cat ${copy}/kept`)).toBe('kept');
  await on.bash(`echo more > ${copy}/more; sync --file-system ${copy}; test ! -e ${at}/more`);
});
