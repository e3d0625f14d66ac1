import { expect, test } from 'vitest';
import { Classes } from './classes.ts';

const OURS = 'local.csi.aliyun.com';
const facts = (provisioner: string, parameters: Record<string, string> = { volumeType: 'LVM' }) => ({
  name: 'fast',
  provisioner,
  parameters,
});

test('a class told again changes nothing; with other parameters or another provisioner it does', () => {
  const classes = new Classes([OURS]);
  expect(classes.set(facts(OURS))).toBe(true);
  expect(classes.set(facts(OURS))).toBe(false);
  expect(classes.set(facts(OURS, { volumeType: 'LVM', vgName: 'pool-0' }))).toBe(true);
  expect(classes.find('fast')).toMatchObject({ policy: { vgName: 'pool-0' } });
  expect(classes.set(facts('other.csi.example', { volumeType: 'LVM', vgName: 'pool-0' }))).toBe(true);
  expect(classes.find('fast')).toBeUndefined();
});

test('of a class for which csi-provisioner refuses every claim no volume can be made', () => {
  const classes = new Classes([OURS]);
  classes.set(facts(OURS, { volumeType: 'LVM', 'csi.storage.k8s.io/fsType': 'xfs' }));
  expect(classes.find('fast')).toEqual({ name: 'fast', problem: expect.stringContaining('csi.storage.k8s.io/fsType') });
});
