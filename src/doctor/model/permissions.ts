import { DEPLOYED_RIGHTS, type Permission } from './deployed-rights.ts';

export type { Account, Permission } from './deployed-rights.ts';

/** As deploy/ calls them. */
const SECRET = 'open-local-extender-tls';
const SERVICE = 'open-local-scheduler-extender';

/**
 * The rights of deploy/, with the names of this installation. `secret`: of the server's certificate, where the operator
 * makes it; `service`: of the extender.
 */
export function permissions(secret: string | undefined, service: string): readonly Permission[] {
  return DEPLOYED_RIGHTS.flatMap((permission) => {
    const { resource, name } = permission;
    if (resource === 'secrets' && secret === undefined) return [];
    if (name === SERVICE) return [{ ...permission, name: service }];
    if (secret === undefined || !name?.startsWith(SECRET)) return [permission];
    return [{ ...permission, name: `${secret}${name.slice(SECRET.length)}` }];
  });
}

/** What the operator needs besides where kube-scheduler binds pods through the extender: deploy/bind gives it. */
export const BIND: Permission = {
  account: 'operator',
  group: '',
  resource: 'pods/binding',
  verb: 'create',
  own: false,
};

/** `patch localvolumes.csi.aliyun.com`. */
export const inWordsOf = ({ verb, group, resource, name }: Permission): string =>
  `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
