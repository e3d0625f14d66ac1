import { expect, test } from 'vitest';
import type { PvOffer } from '../../model/facts.ts';
import { claim, fitting, gib, group, ledgerWith, node, pod } from '../ledger-fixture.ts';

test('volumes that are reserved for other claims are looked at once, and not for each node', () => {
  const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
  const ledger = ledgerWith({
    nodes: names.map((name) => node(name, [group('pool-0', 10)])),
    claims: [claim('data', 1)],
  });
  const { storageClass = '' } = claim('data', 1);
  let reads = 0;
  for (let i = 0; i < 20; i += 1) {
    const offer: PvOffer = {
      ...{ storageClass, capacity: gib(1), block: false, accessModes: ['ReadWriteOnce'], labels: {}, available: true },
      get claim() {
        reads += 1;
        return { namespace: 'default', name: `other-${i}` };
      },
    };
    ledger.pvChanged({ name: `pv-${i}`, driver: 'local.csi.aliyun.com', handle: `pv-${i}`, offer });
  }
  reads = 0;
  expect(fitting(ledger, pod('p', ['data']), names)).toEqual(names);
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThanOrEqual(20 * 4);
});
