import { expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import { faultOfWrite } from './api-fault.ts';

test.each([
  [0, 'aborted'],
  [408, 'aborted'],
  [500, 'aborted'],
  [503, 'aborted'],
  [504, 'aborted'],
  [400, 'invalid'],
  [422, 'invalid'],
  [404, 'not-found'],
  [409, 'conflict'],
  [403, 'unavailable'],
  [429, 'unavailable'],
])('a write that failed with %d is %s', (code, kind) => {
  const fault = faultOfWrite('recording volume v', new ApiError({ code, reason: 'Why', message: 'because' }));
  expect(fault.kind).toBe(kind);
  expect(fault.message).toMatch(/^recording volume v: .*because$/);
});

test('a 404 of what is before the API server says nothing of the object, and may be tried again', () => {
  const error = new ApiError({ code: 404, reason: 'NoSuchPath', message: 'default backend' });
  expect(faultOfWrite('recording volume v', error).kind).toBe('unavailable');
});

test('a write that was cut may have been done', () => {
  expect(faultOfWrite('binding', new Error('the caller gave up')).kind).toBe('aborted');
});
