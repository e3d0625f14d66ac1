import { expect, test } from 'vitest';
import { serveController } from '../../../test/rig/csi-controller.ts';
import { GIB } from '../../model/bytes.ts';

const OF_CLAIM = { 'csi.storage.k8s.io/pvc/namespace': 'shop', 'csi.storage.k8s.io/pvc/name': 'data' };
const LVM = { volumeType: 'LVM' };
const large = { capacityRange: { requiredBytes: BigInt(11 * GIB) } };

test.each([
  ['no node has room', { ...large, parameters: { ...LVM, ...OF_CLAIM } }, /11 GiB/, false],
  ['its class is wrong', { parameters: { volumeType: 'Tape', ...OF_CLAIM } }, /Tape/, true],
  [
    'its attributes are wrong',
    { parameters: { ...LVM, ...OF_CLAIM }, mutableParameters: { bps: 'fast' } },
    /bps/,
    true,
  ],
])('a claim that has no volume is told with the words of the answer: %s', async (_, request, words, isFinal) => {
  const told: unknown[] = [];
  const it = await serveController({ onClaimRefused: (refused) => void told.push(refused) });
  await expect(it.create('pvc-1', request)).rejects.toThrow(words);
  const claim = { namespace: 'shop', name: 'data' };
  expect(told).toEqual([{ claim, volume: 'pvc-1', words: expect.stringMatching(words), isFinal }]);
});

test.each([
  ['it gets its volume', { parameters: { ...LVM, ...OF_CLAIM } }, undefined],
  ['nobody says which claim it is', { ...large, parameters: LVM }, undefined],
  ['the next call may find it settled', { parameters: { ...LVM, ...OF_CLAIM } }, 'not listed yet: nodes'],
])('nothing is told of a claim when %s', async (_, request, problem) => {
  const told: unknown[] = [];
  const it = await serveController({
    onClaimRefused: (refused) => void told.push(refused),
    notReady: () => problem,
  });
  await it.create('pvc-1', request).catch(() => {});
  expect(told).toEqual([]);
});
