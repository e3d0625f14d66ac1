import { expect, test } from 'vitest';
import type { PvOffer } from '../../model/facts.ts';
import { claim, fitting, gib, group, ledgerWith, node, pod } from '../ledger-fixture.ts';

const NODES = Array.from({ length: 50 }, (_, i) => `n${i}`);

/** How often 20 offered volumes are read while a pod with a claim of 1 GiB is filtered on 50 nodes. */
function readsOf(offerOf: (i: number, read: () => void) => PvOffer): number {
  const ledger = ledgerWith({
    nodes: NODES.map((name) => node(name, [group('pool-0', 10)])),
    claims: [claim('data', 1)],
  });
  let reads = 0;
  for (let i = 0; i < 20; i += 1) {
    const offer = offerOf(i, () => (reads += 1));
    ledger.pvChanged({ name: `pv-${i}`, driver: 'local.csi.aliyun.com', handle: `pv-${i}`, offer });
  }
  reads = 0;
  expect(fitting(ledger, pod('p', ['data']), NODES)).toEqual(NODES);
  return reads;
}

const { storageClass = '' } = claim('data', 1);
const offered = { storageClass, block: false, accessModes: ['ReadWriteOnce'], labels: {}, available: true };

test('volumes that are reserved for other claims are not looked at', () => {
  const reads = readsOf((i, read) => ({
    ...offered,
    claim: { namespace: 'default', name: `other-${i}` },
    get capacity() {
      read();
      return gib(1);
    },
  }));
  expect(reads).toBe(0);
});

test('volumes that do not suit the claim are looked at once, and not for each node', () => {
  const reads = readsOf((_, read) => ({
    ...offered,
    get capacity() {
      read();
      return gib(0.5);
    },
  }));
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThanOrEqual(20 * 4);
});
