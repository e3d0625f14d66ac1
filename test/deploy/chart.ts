import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';

/** The chart in deploy/helm, rendered by the real helm, and the kustomize base that is made of it. */

const run = promisify(execFile);
const ROOT = path.join(import.meta.dirname, '../..');
export const CHART = path.join(ROOT, 'deploy/helm');
const LARGE = { maxBuffer: 64 * 2 ** 20 };

/** Paths of the programs, built from their Go modules unless they are there. */
export interface Tools {
  readonly helm: string;
  readonly kustomize: string;
  readonly kubeconform: string;
}

export async function builtTools(): Promise<Tools> {
  const { stdout } = await run(path.join(import.meta.dirname, 'build.sh'), { ...LARGE, timeout: 1_200_000 });
  const bin = stdout.trim();
  return {
    helm: path.join(bin, 'helm'),
    kustomize: path.join(bin, 'kustomize'),
    kubeconform: path.join(bin, 'kubeconform'),
  };
}

/** Renders the chart as release open-local in a namespace of that name. Throws what helm says. */
export async function template({ helm }: Pick<Tools, 'helm'>, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(helm, ['template', 'open-local', CHART, '--namespace=open-local', ...args], LARGE);
  return stdout;
}

/** What `kustomize build` makes of a folder of the checkout. */
export async function kustomized({ kustomize }: Pick<Tools, 'kustomize'>, folder: string): Promise<string> {
  const { stdout } = await run(kustomize, ['build', '--load-restrictor=LoadRestrictionsNone', path.join(ROOT, folder)]);
  return stdout;
}

/** Any object, as far as tests look into it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The objects of a rendered text. */
export const manifests = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => {
      if (document.errors[0]) throw document.errors[0];
      return document.toJS() as Manifest | null;
    })
    .filter((object) => object !== null);

export const nameOf = ({ kind, metadata }: Manifest): string =>
  [kind, metadata.namespace, metadata.name].filter((word) => word !== undefined).join('/');

const SOURCE = /^---\n# Source: open-local\/templates\/(\S+)\n/m;
/** What helm puts on its own objects, and kubectl's user does not need. */
const OF_HELM = /^\s+(?:app\.kubernetes\.io\/(?:managed-by|version)|helm\.sh\/chart):.*\n/gm;

/** The files of the kustomize base by their path in deploy/, and of which template each is. */
const BASE: Readonly<Record<string, string>> = {
  'namespace.yaml': 'namespace.yaml',
  'quota.yaml': 'quota.yaml',
  'operator-rbac.yaml': 'operator-rbac.yaml',
  'sidecars-rbac.yaml': 'sidecars-rbac.yaml',
  'operator.yaml': 'operator.yaml',
  'networkpolicy.yaml': 'networkpolicy.yaml',
  'agent-rbac.yaml': 'agent-rbac.yaml',
  'agent.yaml': 'agent.yaml',
  'csidriver.yaml': 'csidriver.yaml',
  'storageclasses.yaml': 'storageclasses.yaml',
  'bind/rbac.yaml': 'bind-rbac.yaml',
  'marked-pods/policy.yaml': 'marked-pods.yaml',
  'page/rbac.yaml': 'page.yaml',
  'snapshots/rbac.yaml': 'snapshots-rbac.yaml',
  'snapshots/volumesnapshotclass.yaml': 'snapshots-class.yaml',
};
const SIDECAR = 'snapshots/csi-snapshotter.yaml';

/** The flags of helm for the base, for what is beside it, and for the base with more. */
export const BASE_FLAGS = ['--set=createNamespace=true', '--set=snapshots.enabled=false'];
export const BIND_FLAGS = [...BASE_FLAGS, '--set=extender.bind=true'];
export const MARK_FLAGS = ['--set=scheduler.markPods=true', '--kube-version=1.36.0'];
export const PAGE_FLAGS = [...BASE_FLAGS, '--set=page.enabled=true'];
export const SNAPSHOT_FLAGS = ['--set=createNamespace=true', '--set=snapshots.enabled=true'];

const headerOf = (source: string): string =>
  `# Of deploy/helm/templates/${source}, by \`make deploy\`: edit that one.\n`;

/** Every file of the checkout that is made of the chart, by its path. */
export async function derivedFiles(tools: Pick<Tools, 'helm'>): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const text = await template(tools, ...SNAPSHOT_FLAGS);
  const plain = await template(tools, ...BASE_FLAGS);
  const marked = await template(tools, ...MARK_FLAGS);
  const bind = await template(tools, ...BIND_FLAGS);
  const page = await template(tools, ...PAGE_FLAGS);
  for (const [file, source] of Object.entries(BASE)) {
    const rendered = { snapshots: text, 'marked-pods': marked, bind, page }[path.dirname(file)] ?? plain;
    files.set(`deploy/${file}`, headerOf(source) + partOf(rendered, source));
  }
  files.set(`deploy/${SIDECAR}`, headerOf('operator.yaml') + sidecarPatch(manifests(text)));
  return files;
}

/** All that one template gave, in helm's order. */
function partOf(text: string, source: string): string {
  const [, ...parts] = text.split(SOURCE);
  const documents: string[] = [];
  for (let i = 0; i < parts.length; i += 2)
    if (parts[i] === source)
      documents.push(
        `${(parts[i + 1] ?? '')
          .replaceAll(OF_HELM, '')
          .replaceAll(/^\s*\n/gm, '')
          .trim()}\n`,
      );
  if (documents.length === 0) throw new Error(`the template ${source} gives nothing`);
  return documents.join('---\n');
}

interface Deployment {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { name: string }[] } } };
}

/** What makes operator.yaml the one with snapshots. */
function sidecarPatch(objects: readonly Manifest[]): string {
  const found = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'open-local-operator');
  if (!found) throw new Error('the chart gives no Deployment open-local-operator');
  const { apiVersion, kind, metadata } = found;
  const { containers } = (found as unknown as Deployment).spec.template.spec;
  const container = containers.filter(({ name }) => name === 'csi-snapshotter');
  if (container.length !== 1) throw new Error('the chart with snapshots gives no container csi-snapshotter');
  return stringify({
    ...{ apiVersion, kind, metadata: { name: metadata.name, namespace: metadata.namespace } },
    spec: { template: { spec: { containers: container } } },
  });
}
