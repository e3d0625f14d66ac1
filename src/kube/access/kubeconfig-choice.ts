import path from 'node:path';
import { createFieldReader, type FieldReader } from './kubeconfig-fields.ts';
import type { ExecPlugin } from './exec-credential.ts';

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
}

/**
 * The cluster and user of the current context (or the one named). Relative files are relative to the kubeconfig's folder.
 * Throws Fault `invalid` that names the file and the field, also for what we do not support rather than ignore it.
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
export function chooseFromKubeconfig(file: string, document: unknown, contextName?: string): KubeconfigChoice {
  const root = createFieldReader(file, document);
  const wanted = contextName ?? root.requiredText('current-context');
  const context = named(root, 'contexts', wanted, 'context', 'current-context');
  const clusterName = context.requiredText('cluster');
  const cluster = named(root, 'clusters', clusterName, 'cluster', `${context.where}.cluster`);
  const userName = context.text('user');
  const user =
    userName === undefined
      ? createFieldReader(file, {}, 'users')
      : named(root, 'users', userName, 'user', `${context.where}.user`);

  return {
    namespace: context.text('namespace') ?? 'default',
    ...clusterOf(file, cluster),
    ...userOf(file, user, cluster),
  };
}

/** The object inside the list entry of that name. */
function named(root: FieldReader, list: string, name: string, inner: string, namedBy: string): FieldReader {
  const entry = root.objects(list).find((entry) => entry.text('name') === name);
  if (!entry) return root.fail(namedBy, `names ${JSON.stringify(name)}, which is not in ${list}`);
  return entry.object(inner) ?? entry.fail(inner, 'is missing');
}

type ClusterPart = Pick<KubeconfigChoice, 'server' | 'serverName' | 'insecure' | 'ca'>;

function clusterOf(file: string, cluster: FieldReader): ClusterPart {
  const insecure = cluster.flag('insecure-skip-tls-verify');
  const ca = pem(file, cluster, 'certificate-authority');
  if (insecure && ca) cluster.fail('insecure-skip-tls-verify', 'cannot be true together with a certificate-authority');
  if (cluster.text('proxy-url')) cluster.fail('proxy-url', 'proxies are not supported');
  return { server: serverOf(cluster), serverName: cluster.text('tls-server-name'), insecure, ca };
}

function serverOf(cluster: FieldReader): URL {
  const url = URL.parse(cluster.requiredText('server'));
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  return cluster.fail('server', 'must be a URL such as https://host:6443');
}

type UserPart = Pick<KubeconfigChoice, 'cert' | 'key' | 'token' | 'exec'>;

/** Impersonation left out would act with more rights than were asked for: like all the rest we cannot do, it is refused. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  username: 'basic authentication is not supported',
  password: 'basic authentication is not supported',
  'auth-provider': 'auth providers are not supported: use an exec plug-in',
  as: 'impersonation is not supported',
  'as-uid': 'impersonation is not supported',
  'as-groups': 'impersonation is not supported',
  'as-user-extra': 'impersonation is not supported',
};

function userOf(file: string, user: FieldReader, cluster: FieldReader): UserPart {
  for (const [name, problem] of Object.entries(UNSUPPORTED)) {
    if (user.raw(name) !== undefined && user.raw(name) !== '') user.fail(name, problem);
  }
  const cert = pem(file, user, 'client-certificate');
  const key = pem(file, user, 'client-key');
  if (cert && !key) user.fail('client-key', 'is missing: the client-certificate needs its key');
  if (key && !cert) user.fail('client-certificate', 'is missing: the client-key needs its certificate');

  const token = tokenOf(file, user);
  const exec = user.object('exec');
  if (exec && (token || cert)) user.fail('exec', 'cannot stand beside a token or a client certificate');
  return { cert, key, token, exec: exec && pluginOf(file, exec, cluster) };
}

function tokenOf(file: string, user: FieldReader): Source | undefined {
  const tokenFile = user.text('tokenFile');
  if (tokenFile) return { kind: 'file', file: beside(file, tokenFile), field: `${file}: ${user.where}.tokenFile` };
  const token = user.text('token');
  return token === undefined ? undefined : { kind: 'inline', text: token, field: `${file}: ${user.where}.token` };
}

/** `<name>-data` (base64) comes before the file in `<name>`. */
function pem(file: string, fields: FieldReader, name: string): Source | undefined {
  const data = fields.text(`${name}-data`);
  if (data !== undefined) {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN ')) fields.fail(`${name}-data`, 'is not PEM text in base64');
    return { kind: 'inline', text, field: `${file}: ${fields.where}.${name}-data` };
  }
  const named = fields.text(name);
  return named === undefined
    ? undefined
    : { kind: 'file', file: beside(file, named), field: `${file}: ${fields.where}.${name}` };
}

const beside = (file: string, named: string): string => path.resolve(path.dirname(file), named);

const EXEC_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
/** Name of the cluster extension whose content is handed to the plug-in. */
const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

function pluginOf(file: string, exec: FieldReader, cluster: FieldReader): ExecPlugin {
  const apiVersion = exec.requiredText('apiVersion');
  if (!EXEC_VERSIONS.includes(apiVersion)) exec.fail('apiVersion', `must be one of ${EXEC_VERSIONS.join(', ')}`);
  if (exec.text('interactiveMode') === 'Always') {
    exec.fail('interactiveMode', 'must not be Always: there is no terminal to ask at');
  }
  const command = exec.requiredText('command');
  return {
    apiVersion,
    argv: [command.includes('/') ? beside(file, command) : command, ...exec.texts('args')],
    env: Object.fromEntries(
      exec.objects('env').map((entry) => [entry.requiredText('name'), entry.text('value') ?? '']),
    ),
    cluster: exec.flag('provideClusterInfo') ? clusterInfo(file, cluster) : undefined,
    installHint: exec.text('installHint'),
    field: `${file}: ${exec.where}`,
  };
}

/** The cluster as KUBERNETES_EXEC_INFO tells it. */
function clusterInfo(file: string, cluster: FieldReader): object {
  const extension = cluster.objects('extensions').find((entry) => entry.text('name') === EXEC_EXTENSION);
  return {
    server: cluster.requiredText('server'),
    'tls-server-name': cluster.text('tls-server-name'),
    'insecure-skip-tls-verify': cluster.flag('insecure-skip-tls-verify') || undefined,
    'certificate-authority-data': cluster.text('certificate-authority-data'),
    config: extension?.raw('extension'),
  };
}
