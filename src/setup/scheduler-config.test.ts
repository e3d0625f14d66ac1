import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { schedulerConfig, schedulerNameOf, TARGETS, type Extender, type Target } from './scheduler-config.ts';

const EXTENDER: Extender = {
  namespace: 'open-local',
  service: 'open-local-scheduler-extender',
  clusterIp: '10.96.7.8',
  port: 23_000,
  ca: 'CA',
  cert: 'CERT',
  key: 'KEY',
};
const of = (target: Target, extender = EXTENDER, { markedPods = false, bind = false } = {}) =>
  schedulerConfig(target, extender, { image: 'scheduler:v1', markedPods, bind });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Configuration {
  readonly clientConnection?: { readonly kubeconfig: string };
  readonly extenders: readonly { readonly urlPrefix: string; readonly tlsConfig: Readonly<Record<string, string>> }[];
}

test.each([
  { target: 'kubeadm' as const, kubeconfig: '/etc/kubernetes/scheduler.conf' },
  { target: 'k3s' as const, kubeconfig: '/var/lib/rancher/k3s/server/cred/scheduler.kubeconfig' },
  { target: 'rke2' as const, kubeconfig: '/var/lib/rancher/rke2/server/cred/scheduler.kubeconfig' },
])('$target: a scheduler on the network of the host needs an address, and the name for TLS apart', (row) => {
  const [config] = of(row.target).outputs;
  const { clientConnection, extenders } = parse(config?.text ?? '') as Configuration;
  expect(clientConnection?.kubeconfig).toBe(row.kubeconfig);
  expect(extenders).toEqual([
    {
      urlPrefix: 'https://10.96.7.8:23000/scheduler',
      filterVerb: 'filter',
      preemptVerb: 'preempt',
      prioritizeVerb: 'prioritize',
      weight: 10,
      enableHTTPS: true,
      nodeCacheCapable: true,
      ignorable: true,
      httpTimeout: '5s',
      tlsConfig: {
        serverName: 'open-local-scheduler-extender.open-local.svc',
        caData: base64('CA'),
        certData: base64('CERT'),
        keyData: base64('KEY'),
      },
    },
  ]);
  expect(config?.secret).toBe(true);
});

test('an address of version 6 stands in brackets', () => {
  const [config] = of('kubeadm', { ...EXTENDER, clusterIp: 'fd00::7' }).outputs;
  const { extenders } = parse(config?.text ?? '') as Configuration;
  expect(extenders[0]?.urlPrefix).toBe('https://[fd00::7]:23000/scheduler');
});

test('kubeadm mounts the file where the argument names it', () => {
  const addition = parse(of('kubeadm').outputs[1]?.text ?? '') as {
    readonly scheduler: { extraArgs: { name: string; value: string }[]; extraVolumes: Record<string, unknown>[] };
  };
  const file = '/etc/kubernetes/open-local-scheduler.yaml';
  expect(addition.scheduler).toEqual({
    extraArgs: [{ name: 'config', value: file }],
    extraVolumes: [{ name: 'open-local', hostPath: file, mountPath: file, readOnly: true, pathType: 'File' }],
  });
});

test('k3s and rke2 get a file of their own, which adds to what is there', () => {
  expect(parse(of('k3s').outputs[1]?.text ?? '')).toEqual({
    'kube-scheduler-arg+': ['config=/etc/rancher/k3s/open-local-scheduler.yaml'],
  });
  const file = '/etc/rancher/rke2/open-local-scheduler.yaml';
  expect(parse(of('rke2').outputs[1]?.text ?? '')).toEqual({
    'kube-scheduler-arg+': [`config=${file}`],
    'kube-scheduler-extra-mount+': [`${file}:${file}:ro`],
  });
});

/** The extender in what is printed. */
function entryOf({ outputs }: ReturnType<typeof of>): object {
  const documents = parseAllDocuments(outputs[0]?.text ?? '').map((each) => each.toJS() as Record<string, unknown>);
  const secret = documents.find(({ kind }) => kind === 'Secret') as { stringData: Record<string, string> } | undefined;
  const text = secret?.stringData['open-local-scheduler.yaml'] ?? outputs[0]?.text ?? '';
  return (parse(text) as Configuration).extenders[0] ?? {};
}

test.each(TARGETS)('%s: only who wants it binds through the extender, and is told which right that needs', (target) => {
  const [plain, bound] = [of(target), of(target, EXTENDER, { bind: true })];
  expect(entryOf(plain)).not.toHaveProperty('bindVerb');
  expect(entryOf(bound)).toEqual({ ...entryOf(plain), bindVerb: 'bind' });
  expect(bound.steps).toEqual([expect.stringMatching(/extender\.bind=true.*-k deploy\/bind/), ...plain.steps]);
});

test.each(TARGETS)('%s: only who wants it is asked about marked pods alone, and is told how to go back', (target) => {
  const [plain, marked] = [of(target), of(target, EXTENDER, { markedPods: true })];
  expect(entryOf(plain)).not.toHaveProperty('managedResources');
  expect(entryOf(marked)).toEqual({ ...entryOf(plain), managedResources: [{ name: 'csi.aliyun.com/volume' }] });
  expect(marked.steps.at(-1)).toMatch(/without --marked-pods first, scheduler.markPods=false last/);
  expect(of(target).steps.join()).not.toContain('marked');
  expect(schedulerNameOf(target)).toBe(target === 'deployment' ? 'open-local-scheduler' : 'default-scheduler');
});

test('a second scheduler is a Deployment with its own name, Lease and configuration', () => {
  const documents = parseAllDocuments(of('deployment').outputs[0]?.text ?? '').map((document) => document.toJS());
  const kinds = documents.map(({ kind }) => kind as string);
  expect(kinds).toEqual([
    ...['ServiceAccount', 'ClusterRoleBinding', 'ClusterRoleBinding', 'RoleBinding', 'Role', 'RoleBinding'],
    ...['Secret', 'Deployment'],
  ]);
  const secret = documents.find(({ kind }) => kind === 'Secret') as { stringData: Record<string, string> };
  const config = parse(secret.stringData['open-local-scheduler.yaml'] ?? '') as Configuration;
  expect(config).toMatchObject({
    profiles: [{ schedulerName: 'open-local-scheduler' }],
    leaderElection: { resourceName: 'open-local-scheduler', resourceNamespace: 'open-local' },
    extenders: [{ urlPrefix: 'https://open-local-scheduler-extender.open-local.svc:23000/scheduler' }],
  });
});
