import { expect, test } from 'vitest';
import type { NodeConfig } from '../../model/objects.ts';
import { initConfigNotes } from './init-config-notes.ts';

const made = {
  vgs: [{ name: 'pool-1', devices: ['/dev/sdb'] }],
  mountpoints: [{ path: '/mnt/a/', device: '/dev/sdc' }],
};

test.each<[string, NodeConfig, string[]]>([
  ['nothing', {}, []],
  [
    'a group and a mount point that are included',
    {
      listConfig: { vgs: { include: ['pool-[[:digit:]]'] }, mountPoints: { include: ['/mnt/.*'] } },
      resourceToBeInited: made,
    },
    [],
  ],
  [
    'those that no include names',
    { resourceToBeInited: made },
    [
      'volume group pool-1 is made, but spec.globalConfig.listConfig.vgs leaves it out, so no volume is placed there',
      'mount point /mnt/a is made, but spec.globalConfig.listConfig.mountPoints leaves it out, so no volume is placed there',
    ],
  ],
  [
    'one that is excluded',
    { listConfig: { vgs: { include: ['.*'], exclude: ['pool-1'] } }, resourceToBeInited: { vgs: made.vgs } },
    ['volume group pool-1 is made, but spec.globalConfig.listConfig.vgs leaves it out, so no volume is placed there'],
  ],
  [
    'SPDK',
    { spdkConfig: { deviceType: 'aio' } },
    ['spec.globalConfig.spdkConfig is not supported, and nothing is done with it'],
  ],
  ['an empty spdkConfig', { spdkConfig: {} }, []],
])('%s', (_, globalConfig, notes) => {
  expect(initConfigNotes({ globalConfig })).toEqual(notes);
});

test('entries are told by their place, and one without a selector is for nobody', () => {
  expect(initConfigNotes({ nodesConfig: [{ selector: {}, resourceToBeInited: made }, {}] })).toEqual([
    expect.stringContaining('spec.nodesConfig[0].listConfig.vgs leaves it out'),
    expect.stringContaining('spec.nodesConfig[0].listConfig.mountPoints leaves it out'),
    'spec.nodesConfig[1] has no selector and so is for no node',
  ]);
});
