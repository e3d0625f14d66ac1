import { expect, test } from 'vitest';
import { Fault } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import { logCall, withoutSecrets } from './call-log.ts';

/** Lines as `level fields message`. */
function lines() {
  const told: { readonly level: string; readonly fields: object; readonly message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => void told.push({ level, fields, message });
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { log, told };
}

test.each([
  ['CreateVolume', { name: 'pvc-1' }, 'info', 'pvc-1'],
  ['DeleteVolume', { volumeId: 'v' }, 'info', 'v'],
  ['CreateSnapshot', { name: 'snap-1', sourceVolumeId: 'v' }, 'info', 'snap-1'],
  ['DeleteSnapshot', { snapshotId: 's' }, 'info', 's'],
  ['NodePublishVolume', { volumeId: 'v' }, 'info', 'v'],
  ['ControllerModifyVolume', { volumeId: 'v' }, 'info', 'v'],
  ['NodeGetVolumeStats', { volumeId: 'v' }, 'debug', 'v'],
  ['ControllerGetVolumeHealth', { volumeId: 'v' }, 'debug', 'v'],
  ['Probe', {}, 'debug', undefined],
])('%s is one line with method, volume, duration and code', (method, request, level, volume) => {
  const { log, told } = lines();
  logCall(log, { method, code: 'OK', ms: 7 }, request);
  const fields = { method, code: 'OK', ms: 7, ...(volume && { volume }) };
  expect(told).toEqual([{ level, fields, message: 'call done' }]);
});

test('a refusal is told with its words, and a bug with where it was, both without the secrets of the request', () => {
  const { log, told } = lines();
  const request = { volumeId: 'v', secrets: { key: 'hush-hush', short: 'v' } };
  logCall(
    log,
    { method: 'NodeStageVolume', code: 'INVALID_ARGUMENT', ms: 1 },
    request,
    new Fault('invalid', 'hush-hush!'),
  );
  logCall(log, { method: 'NodeStageVolume', code: 'INTERNAL', ms: 1 }, request, new TypeError('no hush-hush'));
  expect(told[0]).toMatchObject({ level: 'info', message: 'call refused', fields: { err: '(secret)!' } });
  const { err } = (told[1]?.fields ?? {}) as { err: Error };
  expect([err.name, err.message]).toEqual(['TypeError', 'no (secret)']);
  expect(err.stack).toContain('call-log.test.ts');
  expect(`${err.stack}`).not.toContain('hush-hush');
});

test('an error of a call without secrets is told whole, with its cause', () => {
  const { log, told } = lines();
  const error = new Error('a', { cause: new Error('b') });
  logCall(log, { method: 'Probe', code: 'INTERNAL', ms: 1 }, {}, error);
  expect(told[0]?.fields).toMatchObject({ err: error });
});

test('an empty secret, or one that stands in words by chance, changes no text', () => {
  expect(withoutSecrets('a volume', { secrets: { empty: '', short: 'vol' } })).toBe('a volume');
  expect(withoutSecrets('a volume', undefined)).toBe('a volume');
});
