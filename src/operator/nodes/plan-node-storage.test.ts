import { expect, test } from 'vitest';
import type { InitConfig, NodeConfig } from '../../model/objects.ts';
import { initConfigProblems } from './check-init-config.ts';
import { planNodeStorage } from './plan-node-storage.ts';

const group = (name: string, ...devices: string[]): NodeConfig => ({
  resourceToBeInited: { vgs: [{ name, devices }] },
});
const global: NodeConfig = { ...group('pool-0', '/dev/sdb'), listConfig: { vgs: { include: ['pool-.*'] } } };
const node = { name: 'n1', labels: { disk: 'nvme', zone: 'a' } };

const PLANS: readonly [what: string, spec: NonNullable<InitConfig['spec']>, planned: object][] = [
  ['nothing said: an empty spec', {}, {}],
  ['globalConfig is for every node', { globalConfig: global }, global],
  [
    'an entry that matches replaces all of globalConfig',
    {
      globalConfig: global,
      nodesConfig: [{ selector: { matchLabels: { disk: 'nvme' } }, ...group('fast', '/dev/a') }],
    },
    group('fast', '/dev/a'),
  ],
  [
    'of several that match, the last wins',
    {
      globalConfig: global,
      nodesConfig: [
        { selector: { matchLabels: { disk: 'nvme' } }, ...group('first') },
        { selector: { matchLabels: { zone: 'a' } }, ...group('second') },
        { selector: { matchLabels: { zone: 'b' } }, ...group('third') },
      ],
    },
    group('second'),
  ],
  ['without a selector an entry matches nothing', { globalConfig: global, nodesConfig: [group('x')] }, global],
  [
    'an empty selector matches everything',
    { globalConfig: global, nodesConfig: [{ selector: {}, ...group('x') }] },
    group('x'),
  ],
  [
    'what the entry leaves out is empty, not inherited',
    { globalConfig: global, nodesConfig: [{ selector: {}, spdkConfig: { deviceType: 'aio' } }] },
    { spdkConfig: { deviceType: 'aio' } },
  ],
];

test.each(PLANS)('%s', (_, spec, planned) => {
  expect(planNodeStorage(node, spec)).toEqual({ nodeName: 'n1', ...planned });
  expect(initConfigProblems(spec)).toEqual([]);
});

const MISTAKES: readonly [what: string, spec: NonNullable<InitConfig['spec']>, problem: string][] = [
  [
    'a pattern that is none',
    { globalConfig: { listConfig: { vgs: { include: ['pool', 'share-('] } } } },
    'spec.globalConfig.listConfig.vgs.include[1]: "share-(" is not a regular expression',
  ],
  [
    'a pattern that is none, to leave out',
    { nodesConfig: [{ selector: {}, listConfig: { devices: { exclude: ['['] } } }] },
    'spec.nodesConfig[0].listConfig.devices.exclude[0]: "[" is not a regular expression',
  ],
  [
    'a group twice',
    {
      globalConfig: {
        resourceToBeInited: {
          vgs: [
            { name: 'p', devices: ['/dev/a'] },
            { name: 'p', devices: ['/dev/b'] },
          ],
        },
      },
    },
    'spec.globalConfig.resourceToBeInited.vgs: volume group p is listed more than once',
  ],
  [
    'a device in two groups',
    {
      globalConfig: {
        resourceToBeInited: {
          vgs: [
            { name: 'p', devices: ['/dev/a'] },
            { name: 'q', devices: ['/dev/a'] },
          ],
        },
      },
    },
    'device /dev/a is listed 2 times: for volume group p, volume group q',
  ],
  ['a device twice in one group', { globalConfig: group('p', '/dev/a', '/dev/a') }, 'device /dev/a is listed 2 times'],
  [
    'a device for a group and a mount point',
    {
      globalConfig: {
        resourceToBeInited: {
          vgs: [{ name: 'p', devices: ['/dev/a'] }],
          mountpoints: [{ path: '/mnt/a', device: '/dev/a' }],
        },
      },
    },
    'for volume group p, mount point /mnt/a',
  ],
  [
    'a mount point twice',
    {
      globalConfig: {
        resourceToBeInited: {
          mountpoints: [
            { path: '/mnt/a', device: '/dev/a' },
            { path: '/mnt/a', device: '/dev/b' },
          ],
        },
      },
    },
    'mountpoints: /mnt/a is listed more than once',
  ],
  [
    'a selector that is none',
    { nodesConfig: [{ selector: { matchExpressions: [{ key: 'a', operator: 'in' }] } }] },
    'spec.nodesConfig[0].selector.matchExpressions[0]: operator "in" is unknown',
  ],
];

test.each(MISTAKES)('%s is a problem that names its field', (_, spec, problem) => {
  const problems = initConfigProblems(spec);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(problem);
});

test('every problem is told, and the same device in two entries is none', () => {
  expect(initConfigProblems(Object.assign({}, ...MISTAKES.map(([, spec]) => spec)))).toHaveLength(2);
  const entries = [
    { selector: { matchLabels: { a: 'b' } }, ...group('p', '/dev/a') },
    { selector: { matchLabels: { a: 'c' } }, ...group('q', '/dev/a') },
  ];
  expect(initConfigProblems({ globalConfig: group('p', '/dev/a'), nodesConfig: entries })).toEqual([]);
});
