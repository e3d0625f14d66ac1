import { createHmac } from 'node:crypto';
import type { Entry } from './kind-entry.ts';
import { notFound } from './failure.ts';
import { at, type Stored } from './json.ts';
import { idOf, type Kind } from './kind.ts';
import type { Store } from './store.ts';
import { keyOf } from './version.ts';

/**
 * Tokens of ServiceAccounts: their subresource `token` gives one, and a TokenReview says whose it is. A token is good
 * as long as its account exists: it does not run out, and has no audience.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
 */
export const TOKEN_REVIEWS: readonly Entry[] = [
  {
    kind: 'TokenReview',
    plural: 'tokenreviews',
    clusterWide: true,
    answer: (sent, all) => ({ ...sent, status: statusOf(at(sent, ['spec', 'token']), all('serviceaccounts.')) }),
  },
];

const HOUR_MS = 3_600_000;

/** The answer to a TokenRequest. Throws 404. */
export function requestToken(
  store: Store,
  accounts: Kind,
  key: { readonly namespace: string | undefined; readonly name: string },
  request: Stored,
): Stored {
  const account = store.collection(idOf(accounts)).get(keyOf(key.namespace, key.name))?.object;
  if (account === undefined) throw notFound(accounts, key.name);
  const status = { token: tokenOf(account), expirationTimestamp: new Date(Date.now() + HOUR_MS).toISOString() };
  return { ...request, kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', status };
}

function tokenOf({ metadata: { namespace = '', name = '', uid = '' } }: Stored): string {
  const payload = Buffer.from(JSON.stringify({ namespace, name })).toString('base64url');
  return `${payload}.${createHmac('sha256', uid).update(payload).digest('base64url')}`;
}

function statusOf(token: unknown, accounts: readonly Stored[]) {
  const account = accounts.find((each) => tokenOf(each) === token);
  if (account === undefined) return { user: {}, error: '[invalid bearer token]' };
  const { namespace = '', name = '', uid = '' } = account.metadata;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { authenticated: true, user: { username: `system:serviceaccount:${namespace}:${name}`, uid, groups } };
}
