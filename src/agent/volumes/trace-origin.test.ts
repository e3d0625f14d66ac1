import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { TRACEPARENT, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { traceOriginOf } from './trace-origin.ts';

const ready = { phase: 'Ready', sizeBytes: 10 * GIB, devicePath: '/dev/pool-0/v1' } as const;
const marked = (status: LocalVolume['status'], meta: LocalVolume['metadata'] = {}): LocalVolume =>
  sampleLocalVolume({
    meta: { annotations: { [TRACEPARENT]: 'written' }, ...meta },
    spec: { sizeBytes: 10 * GIB },
    ...(status && { status }),
  });

test.each([
  ['made', marked(undefined)],
  ['made after a failure', marked({ phase: 'Failed', reason: 'NoSpace' })],
  ['grown', marked({ ...ready, sizeBytes: 5 * GIB })],
])('what is %s goes on with the trace of the call', (_, volume) => {
  expect(traceOriginOf(volume)).toEqual({ parent: 'written' });
});

const leaving = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [VOLUME_FINALIZER] };

test.each([
  ['looked at again', marked(ready)],
  ['repaired', marked({ ...ready, reason: 'ActivationFailed' })],
  ['removed', marked(ready, { annotations: { [TRACEPARENT]: 'written' }, ...leaving })],
  ['removed before it was made', marked(undefined, { annotations: { [TRACEPARENT]: 'written' }, ...leaving })],
])('what is %s is a trace of its own that names the other', (_, volume) => {
  expect(traceOriginOf(volume)).toEqual({ link: 'written' });
});

test('a volume without one begins a trace', () => {
  expect(traceOriginOf(sampleLocalVolume({}))).toEqual({});
});
