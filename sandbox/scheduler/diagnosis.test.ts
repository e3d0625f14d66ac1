import { expect, test } from 'vitest';
import { fitMessage, preFilterMessage, type Rejection } from './diagnosis.ts';

const room: Rejection = { reason: 'not enough room for 20 GiB', unresolvable: true };
const cordoned: Rejection = { reason: 'node(s) were unschedulable', unresolvable: false };

test.each<[string, readonly Rejection[], string]>([
  [
    'equal reasons are counted, and sorted as text',
    [room, cordoned, room, room],
    '0/4 nodes are available: 1 node(s) were unschedulable, 3 not enough room for 20 GiB. ' +
      'preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, ' +
      '3 Preemption is not helpful for scheduling.',
  ],
  [
    'one reason',
    [room],
    '0/1 nodes are available: 1 not enough room for 20 GiB. ' +
      'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  ],
])('%s', (_, rejections, want) => {
  expect(fitMessage(rejections)).toBe(want);
});

test('a pod that was turned away before any node was looked at says so without a count', () => {
  expect(preFilterMessage('persistentvolumeclaim "a" not found', 4)).toBe(
    '0/4 nodes are available: persistentvolumeclaim "a" not found. ' +
      'preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.',
  );
});
