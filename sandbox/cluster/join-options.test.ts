import { expect, test } from 'vitest';
import { asksToJoin, nodesOf, parseJoinConfig } from './join-options.ts';

test.each([
  [['--kubeconfig', 'f'], true],
  [['--kubeconfig=f'], true],
  [['--keep'], false],
])('%j asks to join: %s', (args, asks) => {
  expect(asksToJoin(args)).toBe(asks);
});

test('nodes are numbered, each with the disks asked for', () => {
  const args = ['--kubeconfig=f', '--nodes=2', '--node-prefix=n', '--disks=/dev/sdb:1Gi:hdd,/dev/sdc:2Gi'];
  const disks = [
    { name: '/dev/sdb', size: 2 ** 30, mediaType: 'hdd' },
    { name: '/dev/sdc', size: 2 ** 31, mediaType: 'ssd' },
  ];
  expect(nodesOf(parseJoinConfig(args, {}))).toEqual([
    { name: 'n-1', labels: {}, disks },
    { name: 'n-2', labels: {}, disks },
  ]);
});

test.each([
  ['--disks=sdb:1Gi', 'write it as /dev/sdb:100Gi:ssd'],
  ['--disks=/dev/sdb', 'write it as /dev/sdb:100Gi:ssd'],
  ['--disks=/dev/sdb:1Gi:tape', '"tape" is no medium'],
  ['--disks=/dev/sdb:big', '--disks'],
  ['--nodes=0', '--nodes'],
])('%s is refused with what to do about it', (flag, says) => {
  expect(() => parseJoinConfig(['--kubeconfig=f', flag], {})).toThrow(says);
});
