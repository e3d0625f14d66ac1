import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun, exits, type Reply } from '../exec/fake-run.ts';
import { run as realRun } from '../exec/run.ts';
import { bytes, MIB } from '../model/bytes.ts';
import { wipeDevice } from './wipe.ts';

const never = new AbortController().signal;
const SIZE = bytes(4 * MIB);
const NOTHING = '{"signatures": []}';

/** A file full of x in place of a disk. */
async function disk() {
  const folder = await mkdtemp(path.join(tmpdir(), 'wipe-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'disk');
  const handle = await open(file, 'w');
  await handle.writeFile(Buffer.alloc(SIZE, 'x'));
  await handle.close();
  return { path: file, size: SIZE };
}

interface Replies {
  readonly discard?: Reply;
  readonly wipefs?: Reply;
  readonly look?: Reply;
  readonly dd?: Reply;
  readonly reread?: Reply;
}

const scripted = (replies: Replies = {}) =>
  createFakeRun((argv, options, signal) => {
    if (argv[0] === 'dd') return replies.dd ?? realRun(argv, options, signal);
    if (argv[0] === 'blockdev') return replies.reread ?? '';
    if (argv[0] === 'blkdiscard') return replies.discard ?? '';
    return argv.includes('--all') ? (replies.wipefs ?? '') : (replies.look ?? NOTHING);
  });

test('all is discarded, signatures are erased, and the ends are zeroed', async () => {
  const device = await disk();
  const { run, calls } = scripted();
  await wipeDevice(device, 'discard', run, never);
  const changing = calls.filter(([program]) => program !== 'dd');
  expect(changing.map(([program, option]) => `${program} ${option}`)).toEqual([
    'blkdiscard --',
    'wipefs --all',
    'wipefs --no-act',
  ]);
  const content = await readFile(device.path);
  expect(content.subarray(0, MIB).every((byte) => byte === 0)).toBe(true);
  expect(content.subarray(SIZE - MIB).every((byte) => byte === 0)).toBe(true);
  expect(content[MIB]).toBe('x'.charCodeAt(0));
  expect(content[SIZE - MIB - 1]).toBe('x'.charCodeAt(0));
});

test.each([
  ['is overwritten', ''],
  ['is in use after all', exits(['blockdev'], 1, 'blockdev: ioctl error on BLKRRPART: Device or resource busy')],
])(
  'the kernel forgets partitions whose table was overwritten, and the disk is wiped where it %s',
  async (_, reread) => {
    const device = { ...(await disk()), partitions: ['sdb1'] };
    const { run, calls } = scripted({ reread });
    await wipeDevice(device, 'discard', run, never);
    expect(calls.at(-1)).toEqual(['blockdev', '--rereadpt', device.path]);
    const whole = scripted();
    await wipeDevice({ ...device, partitions: [] }, 'discard', whole.run, never);
    expect(whole.calls.flat()).not.toContain('blockdev');
  },
);

test('a device that cannot discard is wiped all the same', async () => {
  const device = await disk();
  const discard = exits(['blkdiscard'], 1, 'blkdiscard: /dev/x: BLKDISCARD ioctl failed: Operation not supported');
  await wipeDevice(device, 'discard', scripted({ discard }).run, never);
  expect((await readFile(device.path))[0]).toBe(0);
});

test.each([
  ['discarding', { discard: exits(['blkdiscard'], 1, 'Input/output error') }, 'Input/output error'],
  ['erasing', { wipefs: exits(['wipefs'], 1, 'Device or resource busy') }, 'Device or resource busy'],
  ['looking again', { look: '{"signatures":[{"offset":"0x438","type":"ext4"}]}' }, 'was wiped and is not blank'],
  ['looking at its signatures', { look: exits(['wipefs'], 1, 'Input/output error') }, 'cannot be read'],
  ['looking at its bytes', { dd: 'x'.repeat(MIB) }, 'was wiped and is not blank'],
])('a failure while %s is told', async (_, replies, message) => {
  await expect(wipeDevice(await disk(), 'discard', scripted(replies).run, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining(message) as string,
  });
});

test('a device that somebody opens for himself as soon as it is blank is told to be in use', async () => {
  const look = Object.assign(new Error('resource busy or locked'), { code: 'EBUSY' });
  await expect(wipeDevice(await disk(), 'discard', scripted({ look }).run, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining('is in use') as string,
  });
});

test.each(['blkdiscard', 'wipefs', 'blockdev'])(
  'a wipe that is ended during %s says why it was ended',
  async (name) => {
    const reason = new Error('the agent ends');
    const ending = new AbortController();
    const { run } = createFakeRun((argv, options, signal) => {
      if (argv[0] === name) ending.abort(reason);
      if (argv[0] === 'dd') return realRun(argv, options, signal);
      return argv.includes('--no-act') ? NOTHING : '';
    });
    const device = { ...(await disk()), partitions: ['sdb1'] };
    await expect(wipeDevice(device, 'discard', run, ending.signal)).rejects.toBe(reason);
  },
);

test('a device that is not there is not made', async () => {
  const missing = { path: '/nowhere/disk', size: SIZE };
  await expect(wipeDevice(missing, 'zero', scripted().run, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('/nowhere/disk cannot be written') as string,
  });
});
