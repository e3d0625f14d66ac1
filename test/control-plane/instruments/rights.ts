import type { ApiRequest } from './audit.ts';

/** Compares what a role allows with what its programs asked for. */

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A Role or a ClusterRole. */
export interface Role {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
}

/** One verb on one resource, as a role allows it. */
export interface Right {
  readonly role: string;
  /** Absent: everywhere. */
  readonly namespace?: string;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  /** Absent: of every name. */
  readonly names?: readonly string[];
}

/** Everything that a role allows, one by one. */
export const rightsOf = ({ metadata: { name: role, namespace }, rules = [] }: Role): Right[] =>
  rules.flatMap(({ apiGroups = [], resources = [], verbs, resourceNames: names }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => ({
          ...{ role, group, resource, verb },
          ...(namespace === undefined ? {} : { namespace }),
          ...(names === undefined ? {} : { names }),
        })),
      ),
    ),
  );

/** A right in words: `open-local-operator: patch persistentvolumes`. */
export const inWords = ({ role, group, resource, verb }: Right): string =>
  `${role}: ${verb} ${resource}${group === '' ? '' : `.${group}`}`;

const covers = ({ namespace, group, resource, verb, names }: Right, request: ApiRequest): boolean =>
  // A client that follows objects lists them by its watch, and by a list of an API server older than 1.34.
  (verb === request.verb || (verb === 'list' && request.verb === 'watch')) &&
  group === request.group &&
  resource === request.resource &&
  (namespace === undefined || namespace === request.namespace) &&
  (names === undefined || names.includes(request.name));

/** The rights that none of the requests needed, in words. */
export const unused = (rights: readonly Right[], requests: readonly ApiRequest[]): string[] =>
  rights.filter((right) => !requests.some((request) => covers(right, request))).map(inWords);

/** What was asked for and refused, each once: `open-local-operator: create pods/binding`. */
export const refused = (requests: readonly ApiRequest[]): string[] => [
  ...new Set(
    requests
      .filter(({ code }) => code === 403)
      .map(({ program: role, group, resource, verb }) => inWords({ role, group, resource, verb })),
  ),
];
