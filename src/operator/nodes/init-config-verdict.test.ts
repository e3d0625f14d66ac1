import { expect, test } from 'vitest';
import type { InitConfig } from '../../model/objects.ts';
import { judge, statusFor } from './init-config-verdict.ts';

const config = (status?: InitConfig['status']): InitConfig => ({
  metadata: { name: 'open-local', generation: 3 },
  ...(status ? { status } : {}),
});
const bad = judge({ globalConfig: { listConfig: { vgs: { include: ['('] } } } });

test('the verdict says what is wrong and what happens meanwhile', () => {
  expect(judge(undefined).ok).toBe(true);
  expect(bad).toMatchObject({ ok: false, reason: 'Invalid' });
  expect(bad.message).toContain('listConfig.vgs.include[0]');
  expect(bad.message).toContain('every node keeps what it has');
});

test('the status is written when the verdict or the generation is news, and not again', () => {
  const first = statusFor(config(), bad, '2026-01-01T00:00:00.000Z');
  expect(first).toMatchObject({
    observedGeneration: 3,
    conditions: [
      { type: 'Accepted', status: 'False', reason: 'Invalid', lastTransitionTime: '2026-01-01T00:00:00.000Z' },
    ],
  });
  expect(statusFor(config(first), bad, '2026-01-02T00:00:00.000Z')).toBeUndefined();
  const later = { ...config(first), metadata: { name: 'open-local', generation: 4 } };
  expect(statusFor(later, bad, '2026-01-02T00:00:00.000Z')).toMatchObject({
    observedGeneration: 4,
    conditions: [{ lastTransitionTime: '2026-01-01T00:00:00.000Z' }],
  });
  expect(statusFor(later, judge({}), '2026-01-03T00:00:00.000Z')?.conditions?.[0]).toMatchObject({
    status: 'True',
    reason: 'Accepted',
    lastTransitionTime: '2026-01-03T00:00:00.000Z',
  });
});
