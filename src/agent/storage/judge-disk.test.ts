import { expect, test } from 'vitest';
import { readAnswer, type SmartReport } from '../../disk/smart.ts';
import { FAILING_SATA, nvme, sas, sata } from '../../disk/smart-fixture.ts';
import { DISK_REASONS } from '../../model/disk-reasons.ts';
import { judgeDisk, type DiskSigns } from './judge-disk.ts';

const WELL: DiskSigns = {
  kernel: { offline: false },
  isSilent: false,
  failsCommands: false,
  filesystems: [],
  losesData: false,
  pendingSectors: 0,
};
const NAME = { node: 'n1', path: '/dev/sdb', carries: ['pool-0'] };
const judge = (more: Partial<DiskSigns>, name: object = {}) => judgeDisk({ ...WELL, ...more }, { ...NAME, ...name });

function saying(text: string): SmartReport {
  const answer = readAnswer(text);
  if (answer.kind !== 'report') throw new Error(answer.kind);
  return answer.report;
}

test.each([
  ['nothing', {}],
  ['a disk that is well', { smart: saying(sata()) }],
  [
    'attributes that are no more than old',
    { smart: saying(sata({}, { Airflow_Temperature_Cel: { when_failed: 'now' } })) },
  ],
  ['a worn NVMe disk: its maker expected it to last less long', { smart: saying(nvme({ percentage_used: 101 })) }],
  ['one that warns of that alone', { smart: saying(nvme({ critical_warning: 4, percentage_used: 100 })) }],
  ['a warm NVMe disk', { smart: saying(nvme({ critical_warning: 2 })) }],
  ['persistent memory of NVMe that nobody here uses', { smart: saying(nvme({ critical_warning: 32 })) }],
  ['data lost once, before anybody looked', { smart: saying(nvme({ media_errors: 3 })) }],
  ['a SAS disk that is well', { smart: saying(sas(true)) }],
])('%s is no failure', (_, signs) => {
  expect(judge(signs)).toBeUndefined();
});

test.each([
  ['DiskOffline', { kernel: { offline: true } }],
  ['DiskSilent', { isSilent: true }],
  ['SelfAssessmentFailed', { smart: saying(FAILING_SATA) }],
  ['SelfAssessmentFailed', { smart: saying(sas(false)) }],
  ['SelfAssessmentFailed', { smart: saying(nvme({ critical_warning: 4 })) }],
  ['SelfAssessmentFailed', { smart: saying(nvme({ critical_warning: 4, percentage_used: 100, media_errors: 1 })) }],
  ['SelfAssessmentFailed', { smart: saying(nvme({ critical_warning: 4, percentage_used: 100, available_spare: 10 })) }],
  ['SpareUsedUp', { smart: saying(nvme({ critical_warning: 1 + 4, percentage_used: 100 })) }],
  ['DiskReadOnly', { smart: saying(nvme({ critical_warning: 8 })) }],
  ['SpareUsedUp', { smart: saying(nvme({ critical_warning: 1 })) }],
  ['CacheUnsafe', { smart: saying(nvme({ critical_warning: 16 })) }],
  ['UnreadableSectors', { losesData: true }],
  ['UnreadableSectors', { pendingSectors: 8 }],
  ['IoErrors', { failsCommands: true }],
  ['FilesystemErrors', { filesystems: ['dm-3'] }],
])('%s', (reason, signs) => {
  expect(judge(signs)?.reason).toBe(reason);
});

test('of several reasons the worst is the reason, and all are told', () => {
  const found = judge({
    kernel: { offline: true },
    failsCommands: true,
    smart: saying(nvme({ critical_warning: 1 + 4 })),
  });
  expect(found?.reason).toBe('DiskOffline');
  const { DiskOffline, SelfAssessmentFailed, SpareUsedUp, IoErrors } = DISK_REASONS;
  const whats = [DiskOffline, SelfAssessmentFailed, SpareUsedUp, IoErrors].map(({ what }) => what);
  expect(found?.message).toContain(`fails: ${whats.join('; ')}. ${DiskOffline.todo}`);
});

test('the sentence tells which disk it is, what is on it, why it fails and what to do', () => {
  expect(judge({ smart: saying(FAILING_SATA) })).toEqual({
    device: '/dev/sdb',
    reason: 'SelfAssessmentFailed',
    message:
      'disk /dev/sdb (ST4000NM000A-2HZ100, serial number WS20A1B2), which carries pool-0, fails: it says of itself that it fails (SMART): Reallocated_Sector_Ct. ' +
      'Copy what its volumes hold to other disks while it can be read, and exchange it when nothing is on it any more. ' +
      'To keep new volumes away: kubectl open-local cordon n1 pool-0.',
    carries: ['pool-0'],
  });
  expect(judge({ failsCommands: true }, { serial: 'S1' })?.message).toMatch(
    /^disk \/dev\/sdb \(serial number S1\), which/,
  );
  expect(judge({ failsCommands: true })?.message).toMatch(/^disk \/dev\/sdb, which/);
});

test('a disk with many places has a short sentence, and no more places than an object may have', () => {
  const carries = Array.from({ length: 80 }, (_, at) => `pool-${at}`);
  const found = judge({ failsCommands: true }, { carries });
  expect(found?.message).toContain('which carries pool-0, pool-1, pool-2 and 77 more, fails');
  expect(found?.message).not.toContain('cordon n1 pool-3');
  expect(found?.carries.length).toBe(50);
});

test('nothing that is advised destroys data', () => {
  const said = Object.values(DISK_REASONS)
    .map(({ todo }) => todo)
    .join(' ');
  expect(said).not.toMatch(/\b(?:wipefs|vgreduce|pvremove|--force|dd|mkfs|fsck|badblocks|format|rescan|reboot)\b/);
});
