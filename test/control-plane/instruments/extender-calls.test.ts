import { expect, test } from 'vitest';
import { createOperatorMetrics } from '../../../src/operator/metrics/metrics.ts';
import { callsOn } from './extender-calls.ts';

test('calls are counted by verb on a page as the operator writes it', () => {
  const { onExtenderCall, registry } = createOperatorMetrics();
  for (const outcome of ['ok', 'refused', 'not-ours', 'error'] as const)
    onExtenderCall({ verb: 'filter', outcome, ms: 1 });
  onExtenderCall({ verb: 'bind', outcome: 'ok', ms: 1 });
  expect(callsOn(registry.page())).toEqual({ filter: 4, prioritize: 0, preempt: 0, bind: 1 });
});
