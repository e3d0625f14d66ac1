import path from 'node:path';
import { Fault } from '../../model/fault.ts';
import { createFieldReader, type FieldReader } from './kubeconfig-fields.ts';
import { impersonation } from './impersonation.ts';
import type { ExecPlugin } from './exec-credential.ts';
import { NO_PROXY_URL, proxyUrl } from './proxy-url.ts';

/** A text in the kubeconfig, or in a file that it names; `field` says where, for messages. */
export type Source =
  | { readonly kind: 'inline'; readonly text: string; readonly field: string }
  | { readonly kind: 'file'; readonly file: string; readonly field: string };

/** What one context of a kubeconfig says. */
export interface KubeconfigChoice {
  readonly server: URL;
  readonly serverName: string | undefined;
  readonly insecure: boolean;
  readonly namespace: string;
  readonly ca: Source | undefined;
  readonly cert: Source | undefined;
  readonly key: Source | undefined;
  readonly token: Source | undefined;
  readonly exec: ExecPlugin | undefined;
  /** The proxy that leads to the server. */
  readonly proxy: URL | undefined;
  /** Headers that name whom to act as; none when we act as ourselves. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** One kubeconfig file as it was parsed. */
export interface KubeconfigFile {
  readonly file: string;
  readonly document: unknown;
}

/**
 * The cluster and user of the current context (or the one named). Of several files the first that has a value or a list
 * entry of a name wins, as a whole, as with kubectl; relative files are relative to the folder of the kubeconfig that
 * names them. Throws Fault `invalid` that names the file and the field, also for what we do not support rather than
 * ignore it.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files
 */
export function chooseFromKubeconfigs(files: readonly KubeconfigFile[], contextName?: string): KubeconfigChoice {
  const roots = files.map(({ file, document }) => createFieldReader(file, document));
  const [first] = roots;
  if (!first) throw new Fault('invalid', 'there is no kubeconfig file');
  const decides = roots.find((root) => root.text('current-context') !== undefined) ?? first;
  const wanted = contextName ?? decides.requiredText('current-context');
  const context = named(roots, 'contexts', wanted, 'context', { reader: decides, field: 'current-context' });
  const clusterName = context.requiredText('cluster');
  const cluster = named(roots, 'clusters', clusterName, 'cluster', { reader: context, field: 'cluster' });
  const userName = context.text('user');
  const user =
    userName === undefined
      ? createFieldReader(context.file, {}, 'users')
      : named(roots, 'users', userName, 'user', { reader: context, field: 'user' });

  return {
    namespace: context.text('namespace') ?? 'default',
    ...clusterOf(cluster),
    ...userOf(user, cluster),
  };
}

/** The object inside the first list entry of that name. */
function named(
  roots: readonly FieldReader[],
  list: string,
  name: string,
  inner: string,
  by: { readonly reader: FieldReader; readonly field: string },
): FieldReader {
  const entry = roots.flatMap((root) => root.objects(list)).find((entry) => entry.text('name') === name);
  if (!entry) return by.reader.fail(by.field, `names ${JSON.stringify(name)}, which is not in ${list}`);
  return entry.object(inner) ?? entry.fail(inner, 'is missing');
}

type ClusterPart = Pick<KubeconfigChoice, 'server' | 'serverName' | 'insecure' | 'ca' | 'proxy'>;

function clusterOf(cluster: FieldReader): ClusterPart {
  const insecure = cluster.flag('insecure-skip-tls-verify');
  const ca = pem(cluster, 'certificate-authority');
  if (insecure && ca) cluster.fail('insecure-skip-tls-verify', 'cannot be true together with a certificate-authority');
  return {
    server: serverOf(cluster),
    serverName: cluster.text('tls-server-name'),
    insecure,
    ca,
    proxy: proxyOf(cluster),
  };
}

function serverOf(cluster: FieldReader): URL {
  const url = URL.parse(cluster.requiredText('server'));
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  return cluster.fail('server', 'must be a URL such as https://host:6443');
}

function proxyOf(cluster: FieldReader): URL | undefined {
  const text = cluster.text('proxy-url');
  return text === undefined ? undefined : (proxyUrl(text) ?? cluster.fail('proxy-url', NO_PROXY_URL));
}

type UserPart = Pick<KubeconfigChoice, 'cert' | 'key' | 'token' | 'exec' | 'headers'>;

/** What we cannot do is refused, not ignored. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  username: 'basic authentication is not supported',
  password: 'basic authentication is not supported',
  'auth-provider': 'auth providers are not supported: use an exec plug-in',
};

function userOf(user: FieldReader, cluster: FieldReader): UserPart {
  for (const [name, problem] of Object.entries(UNSUPPORTED)) {
    if (user.raw(name) !== undefined && user.raw(name) !== '') user.fail(name, problem);
  }
  const cert = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  if (cert && !key) user.fail('client-key', 'is missing: the client-certificate needs its key');
  if (key && !cert) user.fail('client-certificate', 'is missing: the client-key needs its certificate');

  const token = tokenOf(user);
  const exec = user.object('exec');
  if (exec && (token || cert)) user.fail('exec', 'cannot stand beside a token or a client certificate');
  return { cert, key, token, exec: exec && pluginOf(exec, cluster), headers: impersonation(user) };
}

function tokenOf(user: FieldReader): Source | undefined {
  const tokenFile = user.text('tokenFile');
  if (tokenFile) return { kind: 'file', file: beside(user, tokenFile), field: nameOf(user, 'tokenFile') };
  const token = user.text('token');
  return token === undefined ? undefined : { kind: 'inline', text: token, field: nameOf(user, 'token') };
}

/** `<name>-data` (base64) comes before the file in `<name>`. */
function pem(fields: FieldReader, name: string): Source | undefined {
  const data = fields.text(`${name}-data`);
  if (data !== undefined) {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN ')) fields.fail(`${name}-data`, 'is not PEM text in base64');
    return { kind: 'inline', text, field: nameOf(fields, `${name}-data`) };
  }
  const named = fields.text(name);
  return named === undefined ? undefined : { kind: 'file', file: beside(fields, named), field: nameOf(fields, name) };
}

const beside = ({ file }: FieldReader, named: string): string => path.resolve(path.dirname(file), named);

const nameOf = ({ file, where }: FieldReader, name: string): string => `${file}: ${where}.${name}`;

const EXEC_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
/** Name of the cluster extension whose content is handed to the plug-in. */
const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

function pluginOf(exec: FieldReader, cluster: FieldReader): ExecPlugin {
  const apiVersion = exec.requiredText('apiVersion');
  if (!EXEC_VERSIONS.includes(apiVersion)) exec.fail('apiVersion', `must be one of ${EXEC_VERSIONS.join(', ')}`);
  if (exec.text('interactiveMode') === 'Always') {
    exec.fail('interactiveMode', 'must not be Always: there is no terminal to ask at');
  }
  const command = exec.requiredText('command');
  return {
    apiVersion,
    argv: [command.includes('/') ? beside(exec, command) : command, ...exec.texts('args')],
    env: Object.fromEntries(
      exec.objects('env').map((entry) => [entry.requiredText('name'), entry.text('value') ?? '']),
    ),
    cluster: exec.flag('provideClusterInfo') ? clusterInfo(cluster) : undefined,
    installHint: exec.text('installHint'),
    field: `${exec.file}: ${exec.where}`,
  };
}

/** The cluster as KUBERNETES_EXEC_INFO tells it. */
function clusterInfo(cluster: FieldReader): object {
  const extension = cluster.objects('extensions').find((entry) => entry.text('name') === EXEC_EXTENSION);
  return {
    server: cluster.requiredText('server'),
    'tls-server-name': cluster.text('tls-server-name'),
    'insecure-skip-tls-verify': cluster.flag('insecure-skip-tls-verify') || undefined,
    'certificate-authority-data': cluster.text('certificate-authority-data'),
    'proxy-url': cluster.text('proxy-url'),
    config: extension?.raw('extension'),
  };
}
