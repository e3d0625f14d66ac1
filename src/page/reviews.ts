import type { KubeClient } from '../kube/client.ts';
import type { Resource } from '../kube/resource.ts';
import type { KubeObject } from '../model/objects.ts';
import { present } from '../model/present.ts';

/** Somebody whom the API server knows. */
export interface Person {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  /** What the authenticator says besides; the authorizer may want it. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** To list objects of one kind: in a namespace, or absent in all. */
export interface Right {
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
}

/** authentication.k8s.io/v1 TokenReview. */
interface TokenReview extends KubeObject {
  readonly spec: { readonly token: string };
  readonly status?: { readonly authenticated?: boolean; readonly user?: Partial<Person> };
}

/** authorization.k8s.io/v1 SubjectAccessReview. */
interface AccessReview extends KubeObject {
  readonly spec: object;
  readonly status?: { readonly allowed?: boolean };
}

const TOKEN_REVIEWS: Resource<TokenReview> = {
  ...{ group: 'authentication.k8s.io', version: 'v1', namespaced: false },
  ...{ kind: 'TokenReview', plural: 'tokenreviews' },
};
const ACCESS_REVIEWS: Resource<AccessReview> = {
  ...{ group: 'authorization.k8s.io', version: 'v1', namespaced: false },
  ...{ kind: 'SubjectAccessReview', plural: 'subjectaccessreviews' },
};

type Client = Pick<KubeClient, 'create'>;

/** Whose token it is; undefined for nobody's. Throws what the client throws. */
export async function reviewToken(client: Client, token: string, signal: AbortSignal): Promise<Person | undefined> {
  const { status } = await client.create(TOKEN_REVIEWS, { metadata: {}, spec: { token } }, signal);
  const { username, uid, groups, extra } = status?.user ?? {};
  if (status?.authenticated !== true || !username) return undefined;
  return { username, ...present({ uid, groups, extra }) };
}

/** Whether the API server would let the person list these. Throws what the client throws. */
export async function reviewAccess(
  client: Client,
  { username, uid, groups, extra }: Person,
  right: Right,
  signal: AbortSignal,
): Promise<boolean> {
  const resourceAttributes = { verb: 'list', ...right };
  const spec = { user: username, ...present({ uid, groups, extra }), resourceAttributes };
  const { status } = await client.create(ACCESS_REVIEWS, { metadata: {}, spec }, signal);
  return status?.allowed === true;
}
