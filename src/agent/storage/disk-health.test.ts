import { expect, test } from 'vitest';
import type { BlockDevice } from '../../disk/disks.ts';
import type { KernelSigns } from '../../disk/kernel-signs.ts';
import { readAnswer, type SmartAnswer } from '../../disk/smart.ts';
import { CANNOT_OPEN, FAILING_SATA, nvme, sas, sata, STANDBY, VIRTIO } from '../../disk/smart-fixture.ts';
import { silentLog, type Log } from '../../model/log.ts';
import { standingOn } from '../../disk/stack.ts';
import type { FailingDisk } from '../../model/disk-reasons.ts';
import { sampleDisk } from '../storage-fixture.ts';
import { createDiskHealth } from './disk-health.ts';

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

/** A node with disks that say what the test has them say. */
function rig(...devices: readonly BlockDevice[]) {
  const answers = new Map<string, string | SmartAnswer>();
  const kernel = new Map<string, KernelSigns>();
  const errors = new Map<string, number>();
  const told: string[] = [];
  const asked: string[] = [];
  const tell =
    (level: string): Log['info'] =>
    ({ device = '' }, message) =>
      void told.push(`${level} ${device}: ${message}`);
  let nowMs = 0;
  const health = createDiskHealth({
    node: 'n1',
    log: { ...silentLog, info: tell('info'), warn: tell('warn') },
    now: () => nowMs,
    signs: {
      kernel: async (name) => kernel.get(name) ?? { offline: false },
      filesystemErrors: async () => errors,
      smart: async (device) => {
        asked.push(device);
        const answer = answers.get(device) ?? VIRTIO;
        return typeof answer === 'string' ? readAnswer(answer) : answer;
      },
    },
  });
  return {
    ...{ answers, kernel, errors, told, asked, health },
    pass: (ms: number) => void (nowMs += ms),
    ask: () => health.ask(never),
    look: async (now = devices, before: readonly FailingDisk[] = []) => {
      const own = now
        .filter(({ kind }) => kind === 'disk')
        .map((device) => ({
          ...{ device, carries: ['pool-0'] },
          standing: standingOn([device], now),
        }));
      const failing = await health.look(own, { devices: now, before }, never);
      return failing.map(({ device, reason }) => `${device} ${reason}`);
    },
  };
}

const sdb = sampleDisk('sdb', { serial: 'S1' });

test('a disk is failing when it says so, and ok when it says so again', async () => {
  const it = rig(sdb, sampleDisk('sdc'));
  expect(await it.look()).toEqual([]);
  it.answers.set('/dev/sdb', FAILING_SATA);
  expect(await it.ask()).toBe(true);
  expect(await it.look()).toEqual(['/dev/sdb SelfAssessmentFailed']);
  expect(await it.ask()).toBe(false);
  it.answers.set('/dev/sdb', sata());
  expect(await it.ask()).toBe(true);
  expect(await it.look()).toEqual([]);
  expect(it.health.answers()).toEqual(
    new Map([
      ['report', 1],
      ['none', 1],
    ]),
  );
});

test.each([
  ['sleeps', STANDBY],
  ['cannot be opened', CANNOT_OPEN],
  ['gives half an answer', FAILING_SATA.slice(0, 300)],
])('a disk that failed and %s has not recovered', async (_, answer) => {
  const it = rig(sdb);
  await it.look();
  it.answers.set('/dev/sdb', FAILING_SATA);
  await it.ask();
  it.answers.set('/dev/sdb', answer);
  expect(await it.ask()).toBe(false);
  expect(await it.look()).toEqual(['/dev/sdb SelfAssessmentFailed']);
});

test('a SAS disk that loses data fails though it calls itself well; what it lost before anybody looked is no sign', async () => {
  const it = rig(sdb);
  await it.look();
  it.answers.set('/dev/sdb', sas(true, { read: 7 }));
  await it.ask();
  expect(await it.look()).toEqual([]);
  it.answers.set('/dev/sdb', sas(true, { read: 8 }));
  expect(await it.ask()).toBe(true);
  expect(await it.look()).toEqual(['/dev/sdb UnreadableSectors']);
});

test('a disk that does not answer fails for as long as it does not', async () => {
  const { health } = rig(sdb);
  const own = { device: sdb, carries: ['pool-0'], standing: new Set(['sdb']) };
  const look = async (disk: Parameters<typeof health.look>[0][number]) =>
    (await health.look([disk], { devices: [sdb], before: [] }, never)).map(({ reason }) => reason);
  expect(await look({ ...own, isSilent: true })).toEqual(['DiskSilent']);
  expect(await look(own)).toEqual([]);
});

test('another disk in the place of one that failed is judged anew', async () => {
  const it = rig(sdb);
  await it.look();
  it.answers.set('/dev/sdb', FAILING_SATA);
  await it.ask();
  expect(await it.look([sampleDisk('sdb', { serial: 'S2' })])).toEqual([]);
});

test('smartctl that is not there is told once, and the kernel is heard all the same', async () => {
  const it = rig(sdb, sampleDisk('sdc'));
  it.answers.set('/dev/sdb', { kind: 'absent', why: 'ENOENT' });
  it.kernel.set('sdc', { offline: true });
  await it.look();
  for (let i = 0; i < 3; i += 1) expect(await it.ask()).toBe(false);
  expect(it.told).toEqual(['info /dev/sdb: disks are not asked for their SMART: there is no smartctl']);
  expect(it.asked).toEqual(['/dev/sdb']);
  expect(await it.look()).toEqual(['/dev/sdc DiskOffline']);
});

test('a disk on which smartctl hung is told and let be for a day; the others are asked', async () => {
  const it = rig(sdb, sampleDisk('sdc'));
  it.answers.set('/dev/sdb', { kind: 'hung', why: 'it did not end' });
  await it.look();
  for (let hour = 0; hour < 24; hour += 1) {
    await it.ask();
    it.pass(HOUR_MS);
  }
  expect(it.told).toEqual(['warn /dev/sdb: smartctl did not end and was killed']);
  expect(it.asked.filter((device) => device === '/dev/sdb').length).toBe(1);
  expect(it.asked.filter((device) => device === '/dev/sdc').length).toBe(24);
  await it.ask();
  expect(it.asked.filter((device) => device === '/dev/sdb').length).toBe(2);
});

test('sectors that cannot be read are told when two looks in a row find some', async () => {
  const it = rig(sdb);
  await it.look();
  const seen: string[][] = [];
  for (const raw of [1, 0, 1, 2, 0]) {
    it.answers.set('/dev/sdb', sata({}, { Current_Pending_Sector: { raw } }));
    await it.ask();
    seen.push(await it.look());
  }
  expect(seen).toEqual([[], [], [], ['/dev/sdb UnreadableSectors'], []]);
});

test('data that was lost before the agent looked is an old story, and is told for a day when there is more', async () => {
  const it = rig(sdb);
  await it.look();
  const say = (media_errors: number) => it.answers.set('/dev/sdb', nvme({ media_errors }));
  say(7);
  await it.ask();
  expect(await it.look()).toEqual([]);
  it.pass(HOUR_MS);
  say(8);
  expect(await it.ask()).toBe(true);
  expect(await it.look()).toEqual(['/dev/sdb UnreadableSectors']);
  it.pass(24 * HOUR_MS);
  expect(await it.look()).toEqual([]);
});

test('commands that fail in numbers are told, those that a look at its SMART makes fail are not', async () => {
  const it = rig(sdb);
  let failedCommands = 5000;
  const look = async (more: number): Promise<string[]> => {
    failedCommands += more;
    it.kernel.set('sdb', { offline: false, failedCommands });
    it.pass(60_000);
    return it.look();
  };
  for (let minute = 0; minute < 150; minute += 1) expect(await look(2)).toEqual([]);
  for (let minute = 0; minute < 3; minute += 1) await look(99);
  expect(await look(99)).toEqual(['/dev/sdb IoErrors']);
});

test('errors of a filesystem are told of the disk below it, and those of a full snapshot of none', async () => {
  const devices = [
    sampleDisk('sdb', { holders: ['dm-0', 'dm-1'] }),
    sampleDisk('sdc', { holders: ['dm-3'] }),
    sampleDisk('dm-0', { kind: 'logical-volume' }),
    sampleDisk('dm-1', { kind: 'logical-volume', mapperUuid: 'LVM-abc-cow', holders: ['dm-2'] }),
    sampleDisk('dm-2', { kind: 'logical-volume', mapperUuid: 'LVM-abc' }),
    sampleDisk('dm-3', { kind: 'logical-volume' }),
  ];
  const it = rig(...devices);
  it.errors.set('dm-2', 4);
  expect(await it.look()).toEqual([]);
  it.errors.set('dm-3', 4);
  expect(await it.look()).toEqual(['/dev/sdc FilesystemErrors']);
});

const SAID = { device: '/dev/sdb', identity: `S1 ${sdb.size}`, reason: 'SpareUsedUp', message: '', carries: [] };

test('after a boot that gave names anew, another disk of the name is not called failing', async () => {
  const other = { ...SAID, identity: `S7 ${sdb.size}` };
  expect(await rig(sdb).look([sdb], [SAID])).toEqual(['/dev/sdb SpareUsedUp']);
  expect(await rig(sdb).look([sdb], [other])).toEqual([]);
  const { identity: _, ...nameless } = SAID;
  expect(await rig(sdb).look([sampleDisk('sdb')], [nameless])).toEqual([]);
});

test.each([
  ['is not asked yet', undefined, true],
  ['sleeps', STANDBY, true],
  ['says that it is well', sata(), false],
  ['says nothing any more', VIRTIO, false],
])('after a restart, what was told of a disk that %s', async (_, answer, isTold) => {
  const it = rig(sdb);
  const told = (reason: string): FailingDisk => ({ ...SAID, reason });
  const before = [told('IoErrors'), told('SpareUsedUp'), told('OfALaterVersion')];
  const look = () => it.look([sdb], before);
  expect(await look()).toEqual(['/dev/sdb SpareUsedUp']);
  if (answer !== undefined) {
    it.answers.set('/dev/sdb', answer);
    await it.ask();
  }
  expect(await look()).toEqual(isTold ? ['/dev/sdb SpareUsedUp'] : []);
});

test('without smartctl nothing of it holds', async () => {
  const it = rig(sdb, sampleDisk('sdc'));
  it.answers.set('/dev/sdb', { kind: 'absent', why: 'ENOENT' });
  const before = ['/dev/sdb', '/dev/sdc'].map((device) => ({
    device,
    reason: 'SpareUsedUp',
    message: '',
    carries: [],
  }));
  await it.look();
  await it.ask();
  expect(await it.look(undefined, before)).toEqual([]);
});
