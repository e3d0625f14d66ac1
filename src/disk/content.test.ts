import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun, exits, type Script } from '../exec/fake-run.ts';
import { run } from '../exec/run.ts';
import { bytes, MIB, type Bytes } from '../model/bytes.ts';
import { parseWipefs, probeContent } from './content.ts';

const never = new AbortController().signal;
const SIZE = bytes(8 * MIB);
const NOTHING = '{"signatures": []}';

/** A sparse file in place of a disk, with some bytes in it. */
async function disk(writes: readonly (readonly [number, string])[] = [], size: Bytes = SIZE) {
  const folder = await mkdtemp(path.join(tmpdir(), 'content-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const device = path.join(folder, 'disk');
  const file = await open(device, 'w');
  await file.truncate(size);
  for (const [at, text] of writes) await file.write(text, at);
  await file.close();
  return { path: device, size };
}

/** Reads for real, and has wipefs say this. */
const scripted =
  (reply: string | Error): Script =>
  (argv, options, signal) =>
    argv[0] === 'dd' ? run(argv, options, signal) : reply;

const probe = (device: { readonly path: string; readonly size: Bytes }, reply: string | Error = NOTHING) =>
  probeContent(device, createFakeRun(scripted(reply)).run, never);

test('zeros and no signature', async () => {
  expect(await probe(await disk())).toEqual({ busy: false, signatures: [] });
});

test.each([0, 1, 512, MIB - 1])('a byte at %d within the first MiB is data', async (at) => {
  expect(await probe(await disk([[at, 'x']]))).toMatchObject({ dataAt: at });
});

test('bytes in the middle are not looked for', async () => {
  expect(await probe(await disk([[MIB, 'x']]))).toEqual({ busy: false, signatures: [] });
});

test.each([512, 4096])('the backup of a GPT in the last sector of %d bytes is found', async (sector) => {
  const { signatures } = await probe(await disk([[SIZE - sector, 'EFI PART']]));
  expect(signatures).toEqual([{ type: 'gpt (backup header)', offset: SIZE - sector }]);
});

const HEADER = '\u0016\u0001\u0002\u0003 LVM2 x[5A%r0N*>\u0001';
test.each<[string, readonly (readonly [number, string])[], object]>([
  ['and nothing else is none', [[4096, HEADER]], {}],
  [
    'that names a state is data',
    [
      [4096, HEADER],
      [4096 + 40, 'x'],
    ],
    { dataAt: 4096 },
  ],
  [
    'with a state behind it is data',
    [
      [4096, HEADER],
      [4608, 'vg {'],
    ],
    { dataAt: 4608 },
  ],
  ['elsewhere is data', [[8192, HEADER]], { dataAt: 8192 }],
])('an empty header of LVM %s', async (_, writes, want) => {
  expect(await probe(await disk(writes))).toEqual({ busy: false, signatures: [], ...want });
});

test("of LVM's, every state of its group is found that was written to its first MiB", async () => {
  const states = [
    [512, 'LABELONE'],
    [5120, 'vg { seqno = 1 }'],
    [6144, 'vg {\nseqno = 12\n}'],
    [MIB, 'seqno = 99'],
  ] as const;
  const found = '{"signatures": [{"offset": "0x218", "type": "LVM2_member"}]}';
  expect(await probe(await disk(states), found)).toMatchObject({ lvmStates: [1, 12] });
  expect(await probe(await disk(states))).not.toHaveProperty('lvmStates');
});

test('a disk shorter than it should be cannot be read', async () => {
  const device = await disk();
  expect(await probe({ ...device, size: bytes(SIZE + MIB) })).toMatchObject({
    unreadable: `it ends after ${SIZE} bytes`,
  });
});

test('a disk that is gone, or on which wipefs fails, cannot be read', async () => {
  expect(await probe({ path: '/dev/none', size: SIZE })).toMatchObject({
    unreadable: expect.stringContaining('ENOENT') as string,
  });
  const failure = exits(['wipefs'], 1, 'Input/output error');
  expect(await probe(await disk(), failure)).toMatchObject({
    unreadable: expect.stringContaining('Input/output error') as string,
  });
});

test('wipefs is told to change nothing', async () => {
  const device = await disk();
  const { run: fake, calls } = createFakeRun(scripted(NOTHING));
  await probeContent(device, fake, never);
  expect(calls[0]).toEqual(['wipefs', '--no-act', '--json', '--', device.path]);
});

test('signatures of wipefs, recorded', () => {
  const recorded = `{"signatures": [
    {"device": "loop0", "offset": "0x218", "type": "LVM2_member", "uuid": "rSwTLY", "label": null},
    {"device": "loop2", "offset": "0x438", "type": "ext4", "uuid": "74df63f4", "label": "data"}]}`;
  expect(parseWipefs(recorded)).toEqual([
    { type: 'LVM2_member', offset: 0x218, uuid: 'rSwTLY' },
    { type: 'ext4', offset: 0x438, uuid: '74df63f4', label: 'data' },
  ]);
  expect(parseWipefs('\n')).toEqual([]);
});

test('a disk that has become shorter cannot be read, and where it ends is told', async () => {
  const { path: device } = await disk([], bytes(MIB / 2));
  expect(await probe({ path: device, size: SIZE })).toMatchObject({
    unreadable: expect.stringContaining(`${MIB / 2} bytes`),
  });
});
