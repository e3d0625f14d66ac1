import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { driversOf } from '../../src/model/decode.ts';
import { matchesTerms } from '../../src/model/node-terms.ts';
import type { Pod } from '../../src/model/objects.ts';
import { marksPodsOf, type MutatingBinding, type MutatingPolicy } from '../../src/model/marked-pods.ts';
import { CLASS_PARAMETERS, MUTABLE_PARAMETERS } from '../../src/model/parameters.ts';
import { SNAPSHOT_CLASS_PARAMETERS } from '../../src/model/snapshot-class.ts';
import { MARK } from '../../src/model/well-known.ts';
import {
  BASE_FLAGS,
  CHART,
  derivedFiles,
  kustomized,
  manifests,
  nameOf,
  PAGE_FLAGS,
  SNAPSHOT_FLAGS,
  template,
  type Manifest,
} from './chart.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '../..');
const tools = inject('tools');
const VALUES = path.join(import.meta.dirname, 'values');
const files = readdirSync(VALUES);
const valuesFile = (name: string): string => `--values=${path.join(VALUES, name)}`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'open-local-chart-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

let written = 0;
/** A values file with these, as an argument of helm. */
async function given(values: object): Promise<string> {
  written += 1;
  const file = path.join(dir, `${written}.yaml`);
  await writeFile(file, stringify(values));
  return `--values=${file}`;
}

const rendered = async (...args: readonly string[]): Promise<Manifest[]> => manifests(await template(tools, ...args));
const named = (objects: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name} among ${objects.map(nameOf).join(', ')}`);
  return found;
};

/** What the person who installs reads. */
async function notes(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(tools.helm, [
    ...['install', 'open-local', CHART, '--namespace=open-local', '--dry-run=client', ...args],
  ]);
  return /^NOTES:\n([^]*)$/m.exec(stdout)?.[1] ?? '';
}

test.each(files)('helm lint finds nothing in the chart with %s', async (file) => {
  const { stdout } = await run(tools.helm, ['lint', '--strict', CHART, valuesFile(file)]);
  expect(stdout).toContain('0 chart(s) failed');
});

test('each sidecar asks again within a minute, and has workers for more volumes than a few that wait', async () => {
  const objects = await rendered(...SNAPSHOT_FLAGS);
  const { template: pods } = named(objects, 'Deployment', 'open-local-operator')['spec'] as {
    readonly template: { readonly spec: { readonly containers: readonly { name: string; args: string[] }[] } };
  };
  const sidecars = pods.spec.containers.filter(({ name }) => name.startsWith('csi-'));
  expect(sidecars.map(({ name }) => name)).toEqual(['csi-provisioner', 'csi-resizer', 'csi-snapshotter']);
  for (const { args } of sidecars) {
    expect(args).toEqual(expect.arrayContaining(['--retry-interval-max=1m', '--kube-api-qps=100']));
    const [, workers] = /^--(?:worker-threads|workers)=(\d+)$/m.exec(args.join('\n')) ?? [];
    expect(Number(workers)).toBeGreaterThanOrEqual(50);
  }
});

interface Probe {
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

test('a program that starts or answers late, on a node without CPU to spare, is not killed for it', async () => {
  const objects = await rendered('--set=scheduler.enabled=true');
  const containers = objects
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap(
      (deployment) =>
        podOf(deployment).containers as readonly (Container & { startupProbe?: Probe; livenessProbe?: Probe })[],
    )
    .filter(({ livenessProbe }) => livenessProbe !== undefined);
  expect(containers.map(({ name }) => name).toSorted()).toEqual(['kube-scheduler', 'operator']);
  const patience = ({ periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3 }: Probe = {}): number =>
    Math.max(periodSeconds, timeoutSeconds) * failureThreshold;
  for (const { startupProbe, livenessProbe } of containers) {
    expect(patience(startupProbe)).toBeGreaterThanOrEqual(240);
    expect(livenessProbe?.timeoutSeconds).toBeGreaterThanOrEqual(15);
    expect(patience(livenessProbe)).toBeGreaterThanOrEqual(80);
  }
});

test('the agent asks of a machine for no folder that some machines lack, and makes none of what must be there', async () => {
  const agent = named(await rendered(), 'DaemonSet', 'open-local-agent');
  const volumes = podOf(agent).volumes as { name: string; hostPath: { path: string; type: string } }[];
  const those = (type: string) => volumes.filter(({ hostPath }) => hostPath.type === type).map(({ name }) => name);
  expect(those('Directory').toSorted()).toEqual(['cgroup', 'dev', 'kubelet']);
  expect(those('DirectoryOrCreate').toSorted()).toEqual(['lvm-lock', 'mounts', 'udev']);
});

test('pods go to nodes of Linux only, and agents to none without a kubelet of its own, wherever else they are sent', async () => {
  const own = await given({ agent: { nodeSelector: { storage: 'local' } } });
  const pods = (await rendered('--set=scheduler.enabled=true', own)).filter(({ kind }) =>
    ['Deployment', 'DaemonSet'].includes(kind),
  );
  const selectors = pods.map((workload) => [workload.metadata.name, podOf(workload).nodeSelector]);
  const linux = { 'kubernetes.io/os': 'linux' };
  expect(Object.fromEntries(selectors)).toEqual({
    'open-local-agent': { ...linux, storage: 'local' },
    'open-local-operator': linux,
    'open-local-scheduler': linux,
  });
  const terms = podOf(named(pods, 'DaemonSet', 'open-local-agent')).affinity?.nodeAffinity
    ?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const mayGo = (labels: Readonly<Record<string, string>>): boolean =>
    matchesTerms(terms ?? [], { name: 'n1', labels: { ...linux, ...labels } });
  expect([
    mayGo({}),
    mayGo({ type: 'gpu' }),
    mayGo({ type: 'virtual-kubelet' }),
    mayGo({ 'eks.amazonaws.com/compute-type': 'fargate' }),
  ]).toEqual([true, true, false, false]);
});

describe('one source, two doors', () => {
  test('what is made of the chart is as `make deploy` makes it', async () => {
    const wanted = await derivedFiles(tools);
    const found = new Map<string, string>();
    for (const file of wanted.keys()) found.set(file, await readFile(path.join(root, file), 'utf8'));
    expect(found).toEqual(wanted);
  });

  const OF_HELM = /^(?:app\.kubernetes\.io\/(?:managed-by|version|name)|helm\.sh\/.*)$/;
  /** Objects by their names, without what only one of the doors says. */
  const comparable = (text: string): Record<string, unknown> => {
    const less = (all: Readonly<Record<string, string>> | undefined): object =>
      Object.fromEntries(Object.entries(all ?? {}).filter(([key]) => !OF_HELM.test(key)));
    const one = (object: Manifest): [string, unknown] => {
      const { labels, annotations, ...metadata } = object.metadata;
      // kustomize puts what a patch adds first.
      if (object.kind === 'Deployment') podOf(object).containers.sort((a, b) => a.name.localeCompare(b.name));
      return [nameOf(object), { ...object, metadata: { ...metadata, labels: less(labels), notes: less(annotations) } }];
    };
    return Object.fromEntries(manifests(text).map(one));
  };

  test.each([
    ['deploy', BASE_FLAGS],
    ['examples/with-snapshots', SNAPSHOT_FLAGS],
    ['examples/with-page', PAGE_FLAGS],
  ])('kustomize build %s gives what helm gives', async (folder, flags) => {
    const ours = comparable(await kustomized(tools, folder));
    expect(Object.keys(ours).length).toBeGreaterThan(30);
    expect(ours).toEqual(comparable(await template(tools, ...flags)));
  });
});

describe('values that are refused, with the name of the key', () => {
  test.each<[what: string, values: object, says: RegExp]>([
    ['an unknown key', { agnet: {} }, /additional properties 'agnet' not allowed/],
    ['a name too long for a Service', { name: 'a'.repeat(41) }, /\/name'.*maxLength/],
    [
      'an unknown key further in',
      { agent: { kubletDir: '/x' } },
      /agent.*additional properties 'kubletDir' not allowed/s,
    ],
    ['a typo of a key of open-local', { agent: { kubelet_Dir: '/x' } }, /additional properties 'kubelet_Dir'/],
    ['a typo of global', { global: { RegistryUrl: 'x' } }, /global.*'RegistryUrl'/s],
    ['a number for a text', { name: 5 }, /\/name'.*got number, want string/],
    ['a text for a number', { operator: { replicas: 'two' } }, /operator\/replicas'.*got string, want integer/],
    [
      'a text for a truth',
      { networkPolicy: { enabled: 'sometimes' } },
      /networkPolicy\/enabled'.*got string, want boolean/,
    ],
    ['a text for a map', { agent: { resources: 'small' } }, /agent\/resources'.*got string, want object/],
    ['no replicas', { operator: { replicas: 0 } }, /operator\/replicas'.*minimum/],
    ['a bad quantity', { agent: { resources: { limits: { memory: '1Gb' } } } }, /agent\/resources\/limits\/memory'/],
    ['a bad bandwidth', { agent: { copyBandwidth: 'fast' } }, /agent\/copyBandwidth'/],
    [
      'a bad limit of a class',
      { storageclass: { lvm_throttle: { parameters: { bps: '10 MB' } } } },
      /lvm_throttle\/parameters\/bps'/,
    ],
    [
      'a bad size of a snapshot',
      { snapshots: { class: { parameters: { 'csi.aliyun.com/snapshot-initial-size': '4GB' } } } },
      /snapshot-initial-size'/,
    ],
    [
      'an unknown parameter of a class',
      { storageclass: { lvm: { parameters: { bsp: '1Mi' } } } },
      /storageclass\/lvm\/parameters'.*'bsp'/,
    ],
    [
      'a class misspelt',
      { storageclass: { lvm_xsf: { enabled: false } } },
      /storageclass\/lvm_xsf'.*missing properties/,
    ],
    ['a relative folder', { agent: { kubeletDir: 'var/lib/kubelet' } }, /agent\/kubeletDir'/],
    ['a strategy that is none', { extender: { strategy: 'pack' } }, /extender\/strategy'.*'binpack', 'spread'/],
    ['a choice that is none', { extender: { bind: 'sometimes' } }, /extender\/bind'/],
    ['a mark that is none', { scheduler: { markPods: 'sometimes' } }, /scheduler\/markPods'/],
    [
      'marked pods with scores for pods that are not marked',
      { scheduler: { markPods: true }, operator: { nodeAntiAffinity: 'LVM=3' } },
      /scheduler\.markPods: (operator\.nodeAntiAffinity|it needs Kubernetes 1\.36)/,
    ],
    ['a source of certificates that is none', { tls: { source: 'vault' } }, /tls\/source'/],
    [
      'two agents on a node',
      { agent: { updateStrategy: { rollingUpdate: { maxSurge: 1 } } } },
      /updateStrategy\/rollingUpdate'.*'maxSurge'/,
    ],
    [
      'two classes of one name',
      { storageclass: { lvm_xfs: { name: 'open-local-lvm' } } },
      /storageclass\.lvm_xfs\.name: the class "open-local-lvm" is storageclass\.lvm already/,
    ],
    [
      'two attribute classes of one name',
      { volumeattributesclass: { gold: { enabled: true }, silver: { enabled: true, name: 'open-local-gold' } } },
      /volumeattributesclass\.silver\.name: .* is volumeattributesclass\.gold already/,
    ],
    ['given certificates without a name', { tls: { source: 'secret' } }, /tls\.secretName: /],
  ])('%s', async (_what, values, says) => {
    await expect(template(tools, await given(values))).rejects.toThrow(says);
  });

  test('the schema knows the parameters of classes that the operator knows', () => {
    const schema = JSON.parse(readFileSync(path.join(CHART, 'values.schema.json'), 'utf8')) as {
      definitions: Record<string, { properties: { parameters: { properties: object } } }>;
      properties: { snapshots: { properties: { class: { properties: { parameters: { properties: object } } } } } };
    };
    const known = (definition: string): string[] =>
      Object.keys(schema.definitions[definition]?.properties.parameters.properties ?? {}).toSorted();
    expect(known('storageClass')).toEqual(Object.keys(CLASS_PARAMETERS).toSorted());
    expect(known('volumeAttributesClass')).toEqual(Object.keys(MUTABLE_PARAMETERS).toSorted());
    const snapshots = schema.properties.snapshots.properties.class.properties.parameters.properties;
    expect(Object.keys(snapshots).toSorted()).toEqual(Object.keys(SNAPSHOT_CLASS_PARAMETERS).toSorted());
  });
});

interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly args: readonly string[];
}
type PodTemplate = Pick<NonNullable<Pod['spec']>, 'nodeSelector' | 'affinity'> & {
  containers: Container[];
  volumes: unknown[];
};
const podOf = (workload: Manifest) =>
  (workload as unknown as { spec: { template: { spec: PodTemplate } } }).spec.template.spec;
const container = (workload: Manifest, name: string): Container => {
  const found = podOf(workload).containers.find((each) => each.name === name);
  if (!found) throw new Error(`${nameOf(workload)} has no container ${name}`);
  return found;
};

describe('the values.yaml of open-local', () => {
  test('keys with a meaning here have it', async () => {
    const objects = await rendered(valuesFile('open-local.yaml'), '--api-versions=snapshot.storage.k8s.io/v1');
    const agent = named(objects, 'DaemonSet', 'open-local-agent');
    expect(agent.metadata).toMatchObject({ namespace: 'kube-system', labels: { team: 'storage' } });
    expect(container(agent, 'agent')).toMatchObject({ image: 'open-local:0.1.0', imagePullPolicy: 'Always' });
    expect(container(agent, 'agent').args).toEqual(
      expect.arrayContaining([
        '--kubelet-dir=/data/kubelet',
        '--csi-endpoint=unix:///data/kubelet/plugins/local.csi.aliyun.com/csi.sock',
        '--max-volumes-per-node=128',
      ]),
    );
    const operator = named(objects, 'Deployment', 'open-local-operator');
    expect(container(operator, 'operator').args).toEqual(
      expect.arrayContaining(['--no-update-nls', '--strategy=binpack', '--namespace=kube-system']),
    );
    expect(container(operator, 'csi-provisioner').image).toBe('registry.k8s.io/sig-storage/csi-provisioner:v6.3.0');
    expect(container(operator, 'csi-snapshotter').name).toBe('csi-snapshotter');
    expect(named(objects, 'NodeLocalStorageInitConfig', 'open-local')).toMatchObject({
      spec: {
        globalConfig: { resourceToBeInited: { vgs: [{ name: 'open-local-pool-0', devices: ['/dev/vdb'] }] } },
      },
    });
    expect(named(objects, 'StorageClass', 'open-local-lvm-io-throttle')).toMatchObject({
      parameters: { bps: '1048576', iops: '1024' },
    });
    expect(objects.map(nameOf)).not.toContain('StorageClass/open-local-device-ssd');
    expect(named(objects, 'ServiceMonitor', 'open-local').metadata.namespace).toBe('monitoring');
  });

  test.each(['maxVolumesPerNode', 'max_volumes_per_node'])('zero is a value of its own: agent.%s', async (key) => {
    const agent = named(await rendered(`--set=agent.${key}=0`), 'DaemonSet', 'open-local-agent');
    expect(container(agent, 'agent').args).toContain('--max-volumes-per-node=0');
  });

  test('a name, a driver and a registry of its own go everywhere', async () => {
    const text = await template(tools, valuesFile('yoda.yaml'), '--set=scheduler.enabled=true');
    const objects = manifests(text);
    expect(container(named(objects, 'DaemonSet', 'yoda-agent'), 'agent')).toMatchObject({
      image: 'registry.example.com/mirror/open-local:0.1.0',
      args: expect.arrayContaining(['--driver-name=yodaplugin.csi.alibabacloud.com', '--mount-root=/mnt/yoda']),
    });
    const operator = named(objects, 'Deployment', 'yoda-operator');
    expect(container(operator, 'csi-provisioner')).toMatchObject({
      image: 'registry.example.com/mirror/sig-storage/csi-provisioner:v6.3.0',
      args: expect.arrayContaining(['--volume-name-prefix=yoda']),
    });
    expect(named(objects, 'Service', 'yoda-scheduler-extender')).toMatchObject({ spec: { clusterIP: '10.96.0.4' } });
    expect(named(objects, 'StorageClass', 'yoda-lvm-default')).toMatchObject({
      provisioner: 'yodaplugin.csi.alibabacloud.com',
    });
    expect(text).toContain("request.userInfo.username == 'system:serviceaccount:kube-system:yoda-agent'");
    expect(text).toContain("request.userInfo.username == 'system:serviceaccount:kube-system:yoda-operator'");
    // What is still called open-local is the image, the classes by their names, the label of helm, and paths in a pod.
    const rest = objects.filter(({ kind }) => kind !== 'CustomResourceDefinition').map((object) => stringify(object));
    const lines = rest.flatMap((each) => each.split('\n')).filter((line) => line.includes('open-local'));
    // And the operator's Lease.
    const meant =
      /helm\.sh\/chart|name: open-local-(?:lvm|device|mountpoint)|image: |\/etc\/open-local|- open-local-operator$/;
    expect(lines.filter((line) => !meant.test(line))).toEqual([]);
  });

  test('keys without a meaning are named in a warning, and no others', async () => {
    const said = await notes(valuesFile('open-local.yaml'));
    const warned = [...said.matchAll(/^ {2}([a-z_.]+[a-zA-Z_]*): /gm)].map(([, key]) => key);
    expect(warned).toEqual([
      ...['images.local', 'images.provisioner', 'images.registrar', 'images.resizer', 'images.snapshot_controller'],
      ...['images.snapshotter', 'agent.driverMode', 'extender.init_job', 'monitor.enabled'],
    ]);
    expect(await notes(valuesFile('yoda.yaml'))).toMatch(
      /controller\.framework_scheduler_names: .*\n.*global\.NumOfMasters: /,
    );
    expect(await notes()).not.toContain('WARNING');
  });
});

test('every object of a namespace is in the one that is asked, and all have the labels', async () => {
  const flags = [
    '--set=scheduler.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true,page.enabled=true,page.service=true,tls.source=cert-manager',
    ...SNAPSHOT_FLAGS,
  ];
  const objects = await rendered('--set=namespace=disks', '--set=customLabels.mine=yes', ...flags);
  expect(objects.length).toBeGreaterThan(50);
  const places = new Set(objects.map(({ metadata }) => metadata.namespace));
  // kube-scheduler reads in kube-system whom it may trust.
  expect(places).toEqual(new Set(['disks', 'kube-system', undefined]));
  for (const object of objects) {
    expect(object).toMatchObject({ metadata: { labels: { 'app.kubernetes.io/name': 'open-local', mine: 'yes' } } });
  }
});

describe('the page', () => {
  const PAGE = /^(?:Cluster)?Role(?:Binding)?\/.*page|^Service\/.*page/;
  const reviews = (objects: readonly Manifest[]): string[] =>
    objects
      .flatMap(({ rules = [] }) => rules as readonly { resources?: readonly string[] }[])
      .flatMap(({ resources = [] }) => resources.filter((resource) => resource.endsWith('reviews')));
  const argsOf = (objects: readonly Manifest[]): readonly string[] =>
    container(named(objects, 'Deployment', 'open-local-operator'), 'operator').args.filter((arg) => /page/.test(arg));

  test('is not there, and nobody may ask who somebody is, unless it is asked for', async () => {
    const objects = await rendered();
    expect([objects.map(nameOf).filter((name) => PAGE.test(name)), reviews(objects), argsOf(objects)]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('is where only a port-forward leads, with the two rights to ask', async () => {
    const objects = await rendered('--set=page.enabled=true');
    expect(argsOf(objects)).toEqual(['--page-listen=127.0.0.1:23080']);
    expect(reviews(objects)).toEqual(['tokenreviews', 'subjectaccessreviews']);
    expect(objects.map(nameOf).filter((name) => PAGE.test(name))).toEqual([
      ...['ClusterRole/open-local-page', 'ClusterRole/open-local-page-viewer', 'ClusterRoleBinding/open-local-page'],
    ]);
    expect(JSON.stringify(named(objects, 'NetworkPolicy', 'open-local-operator'))).not.toContain('23080');
  });

  test('has a Service that the leader leads to itself, and an open port, when that is asked for', async () => {
    const objects = await rendered('--set=page.enabled=true,page.service=true,page.port=9443');
    expect(argsOf(objects)).toEqual(['--page-listen=:9443', '--page-service=open-local-page']);
    expect(named(objects, 'Service', 'open-local-page')).toMatchObject({
      spec: { ports: [{ name: 'page', port: 443, targetPort: 9443 }] },
    });
    expect(JSON.stringify(named(objects, 'NetworkPolicy', 'open-local-operator'))).toContain('9443');
    expect(named(objects, 'Role', 'open-local-page')).toMatchObject({ rules: [{ resources: ['endpoints'] }] });
  });
});

test('traces are made only where a collector is named, by operators and agents', async () => {
  const argsOf = (objects: readonly Manifest[]): readonly string[] =>
    (['Deployment/operator', 'DaemonSet/agent'] as const).flatMap((which) => {
      const [kind = '', name = ''] = which.split('/');
      return container(named(objects, kind, `open-local-${name}`), name).args.filter((arg) => /trace/.test(arg));
    });
  expect(argsOf(await rendered())).toEqual([]);
  const flags = ['--trace-endpoint=http://c.m.svc:4318', '--trace-sampling=0.25'];
  const asked = '--set=traces.endpoint=http://c.m.svc:4318,traces.sampling=0.25';
  expect(argsOf(await rendered(asked))).toEqual([...flags, ...flags]);
  await expect(rendered('--set=traces.endpoint=c:4318')).rejects.toThrow('traces');
});

test('a second scheduler asks the extender, with the certificate of a client', async () => {
  const objects = await rendered(valuesFile('given-certificates.yaml'));
  const scheduler = named(objects, 'Deployment', 'open-local-scheduler');
  expect(podOf(scheduler)).toMatchObject({
    containers: [{ image: 'registry.k8s.io/kube-scheduler:v1.34.4' }],
    volumes: [{ name: 'config' }, { secret: { secretName: 'scheduler-pair' } }],
  });
  const operator = named(objects, 'Deployment', 'open-local-operator');
  expect(podOf(operator).volumes).toContainEqual({
    name: 'tls',
    secret: { secretName: 'extender-pair', defaultMode: 288 },
  });
  const { args } = container(operator, 'operator');
  expect(args).toContain('--extender-allowed-clients=scheduler.example.com');
  expect(args.filter((arg) => arg.startsWith('--extender-tls-secret'))).toEqual([]);
  // Nobody makes certificates, so nobody may.
  expect(objects.map(nameOf)).not.toContain('Role/open-local/open-local-certificates');
});

describe('marked pods', () => {
  const NEW = '--kube-version=1.36.0';
  const OLD = '--kube-version=1.35.9';
  /** helm alone does not know of it; a cluster tells. */
  const SERVED = '--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';
  const set = (...pairs: readonly string[]): string[] => pairs.map((pair) => `--set=${pair}`);
  const ON = 'scheduler.enabled=true';
  const MANAGED = [{ name: MARK }];

  /** Whose pods are marked, and what the second scheduler asks about. */
  async function marking(...flags: readonly string[]) {
    const objects = await rendered(...flags);
    const of = (kind: string) => objects.filter((each) => each.kind === kind);
    const [policies, bindings] = [
      of('MutatingAdmissionPolicy') as MutatingPolicy[],
      of('MutatingAdmissionPolicyBinding'),
    ];
    const config = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'open-local-scheduler',
    );
    const { extenders = [] } = parse(
      (config?.['data'] as { 'scheduler.yaml': string } | undefined)?.['scheduler.yaml'] ?? '{}',
    ) as {
      extenders?: { managedResources?: object }[];
    };
    const names = ['default-scheduler', 'open-local-scheduler'];
    return {
      marked: names.filter((name) => marksPodsOf(name, policies, bindings as MutatingBinding[])),
      asks: extenders.flatMap(({ managedResources }) => managedResources ?? 'about all'),
    };
  }
  const ALL = ['default-scheduler', 'open-local-scheduler'];

  test.each([
    { what: 'without a word: nobody’s', flags: [NEW], marked: [], asks: [] },
    {
      what: 'with the second scheduler: its own',
      flags: [NEW, SERVED, ...set(ON)],
      marked: ['open-local-scheduler'],
      asks: MANAGED,
    },
    {
      what: 'on a cluster that does not serve the kind: nobody’s',
      flags: [NEW, ...set(ON)],
      marked: [],
      asks: ['about all'],
    },
    { what: 'on an older cluster: nobody’s', flags: [OLD, SERVED, ...set(ON)], marked: [], asks: ['about all'] },
    { what: 'asked for: everybody’s', flags: [NEW, ...set('scheduler.markPods=true')], marked: ALL, asks: [] },
    {
      what: 'asked for, with the second: everybody’s',
      flags: [NEW, ...set(ON, 'scheduler.markPods=true')],
      marked: ALL,
      asks: MANAGED,
    },
    {
      what: 'refused: nobody’s',
      flags: [NEW, SERVED, ...set(ON, 'scheduler.markPods=false')],
      marked: [],
      asks: ['about all'],
    },
    {
      what: 'with scores for other pods: nobody’s',
      flags: [NEW, SERVED, ...set(ON, 'operator.nodeAntiAffinity=LVM=3')],
      marked: [],
      asks: ['about all'],
    },
  ])('$what', async ({ flags, marked, asks }) => {
    expect(await marking(...flags)).toEqual({ marked, asks });
  });

  test('where the cluster cannot, asking for them is refused', async () => {
    const flags = set('scheduler.markPods=true');
    await expect(template(tools, OLD, ...flags)).rejects.toThrow(
      /scheduler\.markPods: it needs Kubernetes 1\.36 .*v1\.35\.9/,
    );
    const both = [...flags, ...set('operator.nodeAntiAffinity=LVM=3')];
    await expect(template(tools, NEW, ...both)).rejects.toThrow(/operator\.nodeAntiAffinity keeps pods/);
  });

  test('inline volumes are known by every name that the operator serves', async () => {
    for (const driver of ['local.csi.aliyun.com', 'other.example.org']) {
      const objects = await rendered(NEW, ...set('scheduler.markPods=true', `driver=${driver}`));
      const policy = JSON.stringify(named(objects, 'MutatingAdmissionPolicy', 'open-local-marked-pods'));
      expect(policy).toContain(`v.csi.driver in ['${driversOf(driver).join("', '")}']`);
    }
  });

  test('the notes name the flag', async () => {
    expect(await notes(...set('scheduler.markPods=true'))).toMatch(/scheduler-config kubeadm .* --marked-pods\n/);
    expect(await notes()).not.toContain('marked');
  });
});

test('bindings through the extender come with the right to write them, and not without a word', async () => {
  const looks = async (...flags: readonly string[]) => {
    const objects = await rendered('--set=scheduler.enabled=true', ...flags);
    const text = objects.map((each) => stringify(each)).join();
    return { verb: text.includes('bindVerb: bind'), right: text.includes('pods/binding') };
  };
  expect(await looks()).toEqual({ verb: false, right: false });
  expect(await looks('--set=extender.bind=true')).toEqual({ verb: true, right: true });
  expect(await notes('--set=extender.bind=true')).toMatch(/scheduler-config kubeadm .* --bind\n/);
  expect(await notes()).not.toContain('--bind');
});

test('classes can be left out as a whole, as a cluster before Kubernetes 1.34 needs it', async () => {
  const objects = await rendered('--set=volumeattributesclass=null', '--set=storageclass=null');
  expect(objects.map(({ kind }) => kind)).toContain('CSIDriver');
  expect(objects.filter(({ kind }) => /^(VolumeAttributes|Storage)Class$/.test(kind))).toEqual([]);
});

test('snapshots come when the cluster has their kinds', async () => {
  const withKinds = await rendered('--api-versions=snapshot.storage.k8s.io/v1');
  expect(withKinds.map(nameOf)).toContain('VolumeSnapshotClass/open-local-lvm');
  expect((await rendered()).map(nameOf)).not.toContain('VolumeSnapshotClass/open-local-lvm');
});

test('CRDs are upgraded with the release and outlive it, and so does what people asked of their disks', async () => {
  const objects = await rendered(valuesFile('k0s.yaml'), '--api-versions=csi.aliyun.com/v1alpha1');
  const kept = objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep');
  expect(kept.map(nameOf).toSorted()).toEqual([
    'CustomResourceDefinition/localvolumes.csi.aliyun.com',
    'CustomResourceDefinition/nodelocalstorageinitconfigs.csi.aliyun.com',
    'CustomResourceDefinition/nodelocalstorages.csi.aliyun.com',
    'NodeLocalStorageInitConfig/open-local',
  ]);
  expect(named(kept, 'NodeLocalStorageInitConfig', 'open-local').metadata.annotations).not.toHaveProperty(
    'helm.sh/hook',
  );
  // On a new cluster the kind is not there before the release is.
  const first = named(await rendered(valuesFile('k0s.yaml')), 'NodeLocalStorageInitConfig', 'open-local');
  expect(first.metadata.annotations).toMatchObject({
    'helm.sh/hook': 'post-install,post-upgrade',
    'meta.helm.sh/release-name': 'open-local',
  });
});

test('the namespace that the chart made outlives createNamespace and the release', async () => {
  const objects = await rendered('--set=createNamespace=true');
  expect(named(objects, 'Namespace', 'open-local').metadata.annotations).toMatchObject({
    'helm.sh/resource-policy': 'keep',
  });
});

test.each([
  { by: 'helm', objects: () => rendered() },
  { by: 'kubectl', objects: async () => manifests(await kustomized(tools, 'crds')) },
])('Argo CD and Flux delete no definition that was installed by $by', async ({ objects }) => {
  const definitions = (await objects()).filter(({ kind }) => kind === 'CustomResourceDefinition');
  expect(definitions).toHaveLength(3);
  for (const { metadata } of definitions)
    expect(metadata.annotations).toMatchObject({
      'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
      'kustomize.toolkit.fluxcd.io/prune': 'disabled',
    });
});

type Values = Readonly<Record<string, unknown>>;
interface ValuesSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, ValuesSchema>>;
}

test('values.yaml has every key of the schema, with what it is without you or what it becomes', async () => {
  const schema = JSON.parse(readFileSync(path.join(CHART, 'values.schema.json'), 'utf8')) as ValuesSchema;
  const text = await readFile(path.join(CHART, 'values.yaml'), 'utf8');
  const isTold = (place: string, key: string): boolean =>
    text.includes(` ${key}:`) || [`${place}.${key}`, `${place}.*`, `, .${key} `].some((name) => text.includes(name));
  const missing = (of: ValuesSchema, values: Values, place: string): string[] =>
    Object.entries(of.properties ?? {}).flatMap(([key, inner]) => {
      const name = place === '' ? key : `${place}.${key}`;
      const value = values[key];
      // An empty map is Kubernetes' own, such as affinity, or of another document, such as initConfig.
      if (typeof value === 'object' && value !== null)
        return Object.keys(value).length === 0 ? [] : missing(inner, value as Values, name);
      if (Object.hasOwn(values, key) || isTold(place, key)) return [];
      return inner.properties ? missing(inner, {}, name) : [name];
    });
  expect(missing(schema, parse(text) as Values, '')).toEqual([]);
});
