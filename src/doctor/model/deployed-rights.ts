import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

/** A right on one kind of object. */
export interface Permission {
  readonly account: Account;
  readonly group: string;
  /** With its subresource: `pods/binding`. */
  readonly resource: string;
  readonly verb: string;
  /** In the namespace of the installation only; else in the whole cluster. */
  readonly own: boolean;
  /** Absent: objects of any name. */
  readonly name?: string;
}

/** The snapshotter is a sidecar of the operator, where VolumeSnapshots are set up. */
export type Account = 'operator' | 'agent' | 'snapshotter';

interface Role {
  readonly kind: string;
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

const FOLDER = path.resolve(import.meta.dirname, '../../../deploy');
const FILES: readonly (readonly [file: string, account: Account])[] = [
  ['operator-rbac.yaml', 'operator'],
  ['sidecars-rbac.yaml', 'operator'],
  ['agent-rbac.yaml', 'agent'],
  ['snapshots/rbac.yaml', 'snapshotter'],
];

/**
 * Every right that the roles in deploy/ give. A bundle has no files beside it: build.ts puts the rights in the place of
 * this file.
 */
export const DEPLOYED_RIGHTS: readonly Permission[] = FILES.flatMap(([file, account]) =>
  parseAllDocuments(readFileSync(path.join(FOLDER, file), 'utf8'))
    .map((each) => each.toJS() as Role)
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .flatMap((role) => rightsOf(role, account)),
);

function rightsOf({ kind, rules = [] }: Role, account: Account): Permission[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) =>
          resourceNames.map((name) => ({
            ...{ account, group, resource, verb, own: kind === 'Role' },
            ...(name === undefined ? {} : { name }),
          })),
        ),
      ),
    ),
  );
}
