import { expect, test } from 'vitest';
import { BadFlags } from '../daemon/flags.ts';
import { agentHelp, parseAgentConfig } from './config.ts';

const parse = (...args: string[]) => parseAgentConfig(['--node-name=n', ...args], {});

test('defaults', () => {
  expect(parse()).toMatchObject({
    kubeconfig: undefined,
    nodeName: 'n',
    csiEndpoint: { kind: 'unix', path: '/csi/csi.sock' },
    metricsEndpoint: undefined,
    driverName: 'local.csi.aliyun.com',
    maxVolumesPerNode: 256,
    intervalMs: 60_000,
    snapshotIntervalMs: 1000,
    mountRoot: '/mnt/open-local',
    removedData: 'zero',
    logLevel: 'info',
  });
});

test.each([
  ['sda', true],
  ['vdb', true],
  ['xvdc', true],
  ['nvme0n1', true],
  ['nvme10n12', true],
  ['nvme0n1p1', false], // a partition comes with its disk
  ['sda1', false],
  ['loop0', false],
  ['dm-0', false],
  ['sr0', false],
])('the default pattern on %s: %s', (name, want) => {
  expect(parse().pattern.test(name)).toBe(want);
});

test('of simulated disks all are reported, unless a pattern is given', () => {
  expect(parse('--simulated-disks=/x').pattern.test('sim-a')).toBe(true);
  expect(parse('--simulated-disks=/x', '--regexp=^sda$').pattern.test('sim-a')).toBe(false);
});

test('the spellings of open-local work', () => {
  expect(parseAgentConfig(['--nodename', 'n', '--path.mount', '/mnt/x/', '--interval', '5'], {})).toMatchObject({
    nodeName: 'n',
    mountRoot: '/mnt/x',
    intervalMs: 5000,
  });
});

const DEFAULT_REGISTRATION = '/var/lib/kubelet/plugins_registry/local.csi.aliyun.com-reg.sock';

test.each([
  [[], DEFAULT_REGISTRATION],
  [['--kubelet-dir=/k/', '--driver-name=d'], '/k/plugins_registry/d-reg.sock'],
  [['--registration-endpoint=unix:///r.sock'], '/r.sock'],
  [['--registration-endpoint=none'], undefined],
  [['--simulated-mounts=/x'], undefined],
  [['--simulated-mounts=/x', '--registration-endpoint=unix:///r.sock'], '/r.sock'],
])('%j registers at %s', (args, socket) => {
  expect(parse(...args).registrationSocket).toBe(socket);
});

test('the node may be named by the environment, and the flag wins', () => {
  expect(parseAgentConfig([], { NODE_NAME: 'e' }).nodeName).toBe('e');
  expect(parseAgentConfig(['--node-name=f'], { NODE_NAME: 'e' }).nodeName).toBe('f');
});

function problemsOf(args: readonly string[]): readonly string[] {
  try {
    parseAgentConfig(args, {});
    return [];
  } catch (error) {
    if (error instanceof BadFlags) return error.problems;
    throw error;
  }
}

test('every problem is told at once', () => {
  const text = problemsOf(['--regexp=(', '--mount-root=mnt', '--csi-endpoint=nowhere', '--bogus']).join('\n');
  for (const part of [
    '--regexp: Invalid regular expression',
    '--mount-root: "mnt" must be an absolute path',
    '--csi-endpoint',
    '--bogus',
    '--node-name',
  ])
    expect(text).toContain(part);
});

test('the help names every flag with its default', () => {
  for (const flag of [
    '--kubeconfig',
    '--node-name',
    '--csi-endpoint',
    '--metrics-endpoint',
    '--interval',
    '--regexp',
    '--mount-root',
    '--lvm-system-dir',
    '--simulated-disks',
    '--simulated-mounts',
    '--driver-name',
    '--max-volumes-per-node',
    '--log-level',
    '--help',
  ])
    expect(agentHelp()).toContain(flag);
});

test.each([
  ['100Mi', 100 * 2 ** 20],
  ['1G', 1_000_000_000],
  ['none', undefined],
])('a copy may read %s in a second', (given, want) => {
  expect(parseAgentConfig(['--node-name=a', `--copy-bandwidth=${given}`], {}).copyBandwidth).toBe(want);
});

test.each(['100m', '1000', '-5Mi', 'fast'])('a bandwidth of %s is refused by the name of its flag', (given) => {
  expect(() => parseAgentConfig(['--node-name=a', `--copy-bandwidth=${given}`], {})).toThrow('--copy-bandwidth');
});

test('the command lines of open-local are understood: what has a meaning here is taken, the rest is told', () => {
  const agent = ['--nodename=n', '--path.sysfs=/host_sys', '--path.mount=/mnt/open-local/', '--lvname=local'];
  expect(parseAgentConfig([...agent, '--interval=30', '--regexp=^vd[a-z]+$', '--v=5'], {})).toMatchObject({
    ...{ nodeName: 'n', mountRoot: '/mnt/open-local', intervalMs: 30_000, pattern: /^vd[a-z]+$/ },
    bygone: [/path.sysfs/, /lvname/, /--v /].map((flag) => expect.stringMatching(flag) as string),
  });
  const csi = ['--endpoint=unix://var/lib/kubelet/csi.sock', '--nodeID=n', '--driver=d', '--driver-mode=node'];
  const more = ['--enable-spdk=false', '--lvmdPort=1736', '--konnectivity-proxy-port=8090', '--use-node-hostname'];
  const config = parseAgentConfig([...csi, ...more, '--cgroupDriver', 'systemd'], {});
  expect(config).toMatchObject({ nodeName: 'n', driverName: 'd' });
  expect(config.bygone).toHaveLength(7);
});
