import type { Resource } from '../kube/resource.ts';
import { isForbidden } from '../kube/errors.ts';
import type { KubeObject } from '../model/objects.ts';
import { present } from '../model/present.ts';
import { AGENT, OPERATOR } from '../model/well-known.ts';
import type { Denied, Facts, Settings } from './model/facts.ts';
import type { PodSpec, Workload } from './model/kinds.ts';
import { BIND, permissions, type Account, type Permission } from './model/permissions.ts';
import type { Look } from './look.ts';

interface Review extends KubeObject {
  readonly spec?: object;
  readonly status?: { readonly allowed?: boolean; readonly userInfo?: { readonly username?: string } };
}

const review = (group: string, kind: string): Resource<Review> => ({
  ...{ group: `${group}.k8s.io`, version: 'v1', namespaced: false },
  ...{ kind, plural: `${kind.toLowerCase()}s` },
});
const OF_OTHERS = review('authorization', 'SubjectAccessReview');
const OF_ONESELF = review('authorization', 'SelfSubjectAccessReview');
const WHO_AM_I = review('authentication', 'SelfSubjectReview');

interface Installation {
  readonly namespace: string;
  readonly settings: Settings;
  /** Undefined where it may not be read. */
  readonly operator: Workload | undefined;
  readonly agents: Workload | undefined;
}

/** So many questions at once. */
const AT_ONCE = 20;

/**
 * Asks for each right whether its account has it, and whether the operator may bind pods. Who may not ask about others,
 * such as the operator's own account inside of the cluster, asks about itself.
 */
export async function readDenied(
  look: Look,
  installation: Installation,
): Promise<Partial<Pick<Facts, 'denied' | 'mayBind'>>> {
  const { namespace, settings } = installation;
  const wanted = [...permissions(settings.tlsSecret, settings.service), BIND].flatMap((permission) => {
    const account = accountOf(permission.account, installation);
    return account === undefined ? [] : [{ account, permission }];
  });
  const answers = await look.tried('rights of the service accounts', () => askAll(look, namespace, wanted));
  if (!answers) return {};
  const denied = answers.flatMap(({ question, allowed }) => (allowed ? [] : [question]));
  const mayBind = answers.find(({ question }) => question.permission === BIND)?.allowed;
  return { denied: denied.filter(({ permission }) => permission !== BIND), ...present({ mayBind }) };
}

const podOf = (workload: Workload | undefined): PodSpec => workload?.spec?.template?.spec ?? {};

function accountOf(account: Account, { operator, agents }: Installation): string | undefined {
  // As deploy/ calls them, where the workloads cannot be read: whoever asks then asks about itself.
  if (!operator) return { operator: OPERATOR, agent: AGENT, snapshotter: undefined }[account];
  const { serviceAccountName, containers = [] } = podOf(operator);
  if (account === 'agent') return podOf(agents).serviceAccountName;
  const isAsked = account === 'operator' || containers.some(({ name }) => name.includes('csi-snapshotter'));
  return isAsked ? serviceAccountName : undefined;
}

interface Answer {
  readonly question: Denied;
  readonly allowed: boolean;
}

async function askAll(look: Look, namespace: string, asked: readonly Denied[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let ask = (question: Denied): Promise<boolean> => askAbout(look, namespace, question);
  let questions = asked;
  for (let i = 0; i < questions.length; i += AT_ONCE) {
    const batch = questions.slice(i, i + AT_ONCE);
    try {
      answers.push(...(await Promise.all(batch.map(async (question) => ({ question, allowed: await ask(question) })))));
    } catch (error) {
      const me = i === 0 && isForbidden(error) ? await whoAmI(look) : undefined;
      const mine = asked.filter(({ account }) => me === userOf(namespace, account));
      if (mine.length === 0) throw error;
      ask = (question) => askOneself(look, namespace, question.permission);
      questions = mine;
      i = -AT_ONCE;
    }
  }
  return answers;
}

const userOf = (namespace: string, account: string): string => `system:serviceaccount:${namespace}:${account}`;

const attributes = (namespace: string, { group, resource, verb, own, name }: Permission): object => {
  const [plural, subresource] = resource.split('/');
  return {
    ...{ group, verb, resource: plural },
    ...(subresource === undefined ? {} : { subresource }),
    ...(own ? { namespace } : {}),
    ...(name === undefined ? {} : { name }),
  };
};

async function askAbout(
  { client, signal }: Look,
  namespace: string,
  { account, permission }: Denied,
): Promise<boolean> {
  const user = userOf(namespace, account);
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const spec = { user, groups, resourceAttributes: attributes(namespace, permission) };
  return (await client.create(OF_OTHERS, { metadata: {}, spec }, signal)).status?.allowed ?? false;
}

async function askOneself({ client, signal }: Look, namespace: string, permission: Permission): Promise<boolean> {
  const spec = { resourceAttributes: attributes(namespace, permission) };
  return (await client.create(OF_ONESELF, { metadata: {}, spec }, signal)).status?.allowed ?? false;
}

const whoAmI = async ({ client, signal }: Look): Promise<string | undefined> =>
  (await client.create(WHO_AM_I, { metadata: {} }, signal)).status?.userInfo?.username;
