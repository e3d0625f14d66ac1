import { expect, test } from 'vitest';
import type { InitConfig } from '../../src/model/objects.ts';
import { withRealNames } from './real-devices.ts';

const group = (name: string, ...devices: string[]) => ({ vgs: [{ name, devices }] });
const config: InitConfig = {
  metadata: { name: 'open-local' },
  spec: {
    globalConfig: { listConfig: { vgs: { include: ['.*'] } }, resourceToBeInited: group('pool-0', '/dev/sdb') },
    nodesConfig: [
      {
        selector: { matchLabels: { 'kubernetes.io/hostname': 'b' } },
        resourceToBeInited: group('pool-1', '/dev/sdb', '/dev/sdc'),
      },
    ],
  },
};
const machine = (name: string, sdb: string, sdc: string) => ({
  name,
  labels: { 'kubernetes.io/hostname': name },
  devices: new Map([
    ['/dev/sdb', sdb],
    ['/dev/sdc', sdc],
  ]),
});

test('every machine gets what the configuration had for it, by its own names', () => {
  const machines = [machine('a', '/dev/loop4', '/dev/loop5'), machine('b', '/dev/loop6', '/dev/loop7')];
  expect(withRealNames(config, machines).spec?.nodesConfig).toEqual([
    {
      selector: { matchLabels: { 'kubernetes.io/hostname': 'a' } },
      listConfig: { vgs: { include: ['.*'] } },
      resourceToBeInited: group('pool-0', '/dev/loop4'),
    },
    {
      selector: { matchLabels: { 'kubernetes.io/hostname': 'b' } },
      resourceToBeInited: group('pool-1', '/dev/loop6', '/dev/loop7'),
    },
  ]);
});

test('the rest stays as it was', () => {
  const changed = withRealNames(config, []);
  expect(changed).toEqual({ ...config, spec: { ...config.spec, nodesConfig: [] } });
});
