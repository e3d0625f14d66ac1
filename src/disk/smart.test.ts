import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeRun, exits } from '../exec/fake-run.ts';
import { run, type Run } from '../exec/run.ts';
import { createSmart, readAnswer } from './smart.ts';
import { CANNOT_OPEN, FAILING_SATA, nvme, sas, sata, STANDBY, VIRTIO, WITHOUT_SMART } from './smart-fixture.ts';

const never = new AbortController().signal;

const reportOf = (text: string): unknown => {
  const answer = readAnswer(text);
  return answer.kind === 'report' ? answer.report : answer;
};

test('a SATA disk says what it is, that it is well, and how many sectors it cannot read', () => {
  expect(reportOf(sata())).toEqual({
    ...{ model: 'ST4000NM000A-2HZ100', serial: 'WS20A1B2', passed: true },
    ...{ pendingSectors: 0, uncorrected: 0, failedAttributes: [] },
  });
  const attributes = { Current_Pending_Sector: { raw: 8 }, Reported_Uncorrect: { raw: 3 } };
  expect(reportOf(sata({}, attributes))).toMatchObject({ pendingSectors: 8, uncorrected: 3 });
});

test('a verdict that is none of the two is none', () => {
  const answer = sata().replace(/"passed": *true/, '"passed": "true"');
  expect(answer).toContain('"passed": "true"');
  expect(reportOf(answer)).not.toHaveProperty('passed');
});

test('one that fails names the attribute that foretells it', () => {
  expect(reportOf(FAILING_SATA)).toMatchObject({ passed: false, failedAttributes: ['Reallocated_Sector_Ct'] });
});

test.each([
  ['an attribute of age, such as a temperature', { Airflow_Temperature_Cel: { when_failed: 'now' } }],
  ['one that was below its threshold once', { Reallocated_Sector_Ct: { when_failed: 'past' } }],
] as const)('%s foretells nothing', (_, attributes) => {
  expect(reportOf(sata({}, attributes, 32))).toMatchObject({ passed: true, failedAttributes: [] });
});

test.each([64, 128, 4 + 64])(
  'exit status %i, of errors in its logs or a command that failed, leaves out no disk',
  (status) => {
    expect(reportOf(sata({}, {}, status))).toMatchObject({ passed: true });
  },
);

test('an NVMe disk has its warning by bits, and no other verdict: smartctl calls one that is warm failed', () => {
  expect(reportOf(nvme({ critical_warning: 2, media_errors: 4 }))).toEqual({
    ...{ model: 'SAMSUNG MZQL23T8HCLS-00A07', serial: 'S64HNE0R512345' },
    ...{ criticalWarning: 2, uncorrected: 4, failedAttributes: [] },
  });
});

test('a SAS disk says whether it is well', () => {
  expect(reportOf(sas(true))).toMatchObject({ model: 'SEAGATE ST4000NM0023', passed: true });
  expect(reportOf(sas(false))).toMatchObject({ passed: false });
});

test.each([
  [{ read: 3, write: 1 }, 4],
  [{ read: 0 }, 0],
  [{ read: 2, write: -1 }, 2],
  [{}, undefined],
])('a SAS disk with errors that were not corrected (%o)', (counters, uncorrected) => {
  expect((reportOf(sas(true, counters)) as { uncorrected?: number }).uncorrected).toBe(uncorrected);
});

test('SMART that is turned off is no verdict, and neither is a raw value that cannot be a count', () => {
  const off = { smart_status: undefined, smart_support: { available: true, enabled: false } };
  expect(readAnswer(sata({ ...off, ata_smart_attributes: undefined }, {}, 4))).toMatchObject({ kind: 'none' });
  expect(reportOf(sata({}, { Current_Pending_Sector: { raw: -1 } }))).not.toHaveProperty('pendingSectors');
});

test.each([
  ['a disk of virtio', VIRTIO, { kind: 'none', why: '/dev/vda: Unable to detect device type' }],
  ['a disk without SMART', WITHOUT_SMART, { kind: 'none', why: 'it has no SMART' }],
  ['one that sleeps', STANDBY, { kind: 'asleep' }],
  ['one that cannot be opened', CANNOT_OPEN, { kind: 'none', why: expect.stringContaining('No such device') }],
  ['half an answer', sata().slice(0, 400), { kind: 'none', why: expect.stringContaining('no JSON') }],
  ['no answer', '', { kind: 'none', why: expect.stringContaining('no JSON') }],
  ['something else', '[null, 1]', { kind: 'none', why: 'it has no SMART' }],
])('%s', (_, text, answer) => {
  expect(readAnswer(text)).toEqual(answer);
});

test('a disk is asked without being woken, and an exit status that tells of a failure is an answer', async () => {
  const { run: fake, calls } = createFakeRun((argv) => exits(argv, 24, '', FAILING_SATA));
  expect(await createSmart(fake)('/dev/sdb', never)).toMatchObject({ kind: 'report', report: { passed: false } });
  expect(calls).toEqual([
    ['smartctl', '--json', '--nocheck=standby', '--health', '--attributes', '--info', '--log=error', '/dev/sdb'],
  ]);
});

/** Runs a script where `smartctl` is to be run. */
async function instead(script: string): Promise<Run> {
  const folder = await mkdtemp(path.join(tmpdir(), 'smart-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'smartctl');
  await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return ([, ...args], options, signal) => run([file, ...args], options, signal);
}

test('a program that does not end is killed', async () => {
  const smart = createSmart(await instead('exec sleep 1000'), { timeoutMs: 50 });
  expect(await smart('/dev/sdb', never)).toEqual({
    kind: 'hung',
    why: expect.stringContaining('/dev/sdb did not end within 50 ms'),
  });
});

test('a real program that answers and exits with bits is read, one that is not there is absent', async () => {
  const answers = await instead(`cat <<'END'\n${nvme({ critical_warning: 4 })}\nEND\nexit 8`);
  const report = { criticalWarning: 4 };
  expect(await createSmart(answers)('/dev/nvme0n1', never)).toMatchObject({ kind: 'report', report });
  const nowhere: Run = ([, ...args], ...more) => run(['/nowhere/smartctl', ...args], ...more);
  const gone = await createSmart(nowhere)('/dev/sdb', never);
  expect(gone).toMatchObject({ kind: 'absent', why: expect.stringContaining('ENOENT') });
});

test('whoever ends meanwhile gets no answer', async () => {
  const stop = new AbortController();
  const { run: fake } = createFakeRun(() => new Promise<never>(() => {}));
  const asked = createSmart(fake)('/dev/sdb', stop.signal);
  stop.abort(new Error('ends'));
  await expect(asked).rejects.toThrow('ends');
});
