import { expect, test } from 'vitest';
import { BadFlags } from '../daemon/flags.ts';
import { operatorHelp, parseOperatorConfig } from './config.ts';

function problemsOf(...args: string[]): readonly string[] {
  try {
    parseOperatorConfig(args, {});
  } catch (error) {
    if (error instanceof BadFlags) return error.problems;
    throw error;
  }
  return [];
}

test('the command line of the documentation is understood', () => {
  const line =
    '--kubeconfig F --no-leader-election --extender-listen 127.0.0.1:23000 --metrics-listen 127.0.0.1:9090 --csi-endpoint unix:///run/ol/csi.sock --init-config open-local --strategy spread';
  expect(parseOperatorConfig(line.split(' '), {})).toMatchObject({
    kubeconfig: 'F',
    leaderElection: false,
    extenderListen: { kind: 'tcp', host: '127.0.0.1', port: 23_000 },
    metricsListen: { kind: 'tcp', host: '127.0.0.1', port: 9090 },
    csiEndpoint: { kind: 'unix', path: '/run/ol/csi.sock' },
    initConfig: 'open-local',
    strategy: 'spread',
  });
});

test('flags of open-local keep their names and spellings', () => {
  const config = parseOperatorConfig(
    ['--initconfig=x', '--scheduler_strategy=spread', '--enabled-node-anti-affinity=MountPoint=3,LVM'],
    {},
  );
  expect(config).toMatchObject({ initConfig: 'x', strategy: 'spread', antiAffinity: { MountPoint: 3, LVM: 5 } });
});

test('a pod tells its name and namespace by the environment', () => {
  const config = parseOperatorConfig([], { POD_NAME: 'open-local-operator-abc', POD_NAMESPACE: 'storage' });
  expect(config).toMatchObject({ identity: 'open-local-operator-abc', namespace: 'storage' });
});

test.each([
  ['--node-anti-affinity=Disk=3', '--node-anti-affinity: "Disk" is unknown: use LVM, Device, MountPoint'],
  ['--node-anti-affinity=LVM=11', '--node-anti-affinity: the weight "11" of LVM must be a whole number from 0 to 10'],
  ['--csi-endpoint=127.0.0.1:1', '--csi-endpoint: CSI is served on a socket: unix:///PATH'],
  [
    '--extender-allowed-clients=a',
    '--extender-allowed-clients: clients are known by their certificates: give --extender-tls-dir too',
  ],
])('%s is refused', (arg, problem) => {
  expect(problemsOf(arg)).toEqual([problem]);
});

test.each([
  [['--extender-listen=0.0.0.0:23000'], 1],
  [['--extender-listen=:23000'], 1],
  [['--extender-listen=10.0.0.1:23000'], 1],
  [['--extender-listen=0.0.0.0:23000', '--extender-allow-plaintext'], 0],
  [['--extender-listen=0.0.0.0:23000', '--extender-tls-dir=/tls'], 0],
  [['--extender-listen=127.0.0.2:23000'], 0],
  [['--extender-listen=[::1]:23000'], 0],
  [['--extender-listen=localhost:23000'], 0],
])('%j: plain HTTP leaves this machine only when told so', (args, problems) => {
  expect(problemsOf(...args)).toHaveLength(problems);
});

test('the help tells every flag', () => {
  for (const flag of ['kubeconfig', 'extender-tls-dir', 'hold-ttl', 'wait-ms', 'update-nls', 'node-anti-affinity'])
    expect(operatorHelp()).toContain(flag);
});

test('the command lines of open-local are understood: what has a meaning here is taken, the rest is told', () => {
  const args = ['--initconfig=yoda', '--port=23000', '--scheduler-strategy=spread', '--feature-gates=UpdateNLS=false'];
  expect(
    parseOperatorConfig([...args, '--enabled-node-anti-affinity=MountPoint=5,LVM', '--driver=d'], {}),
  ).toMatchObject({
    ...{ initConfig: 'yoda', strategy: 'spread', antiAffinity: { MountPoint: 5, LVM: 5 }, driverName: 'd' },
    bygone: [/--port .*--extender-listen/, /--feature-gates .*--no-update-nls/].map(
      (flag) => expect.stringMatching(flag) as string,
    ),
  });
});
