import { API_GROUP } from '../model/well-known.ts';
import { Denied } from './denied.ts';
import type { Visitor } from './gate.ts';
import type { Right } from './reviews.ts';
import type { Sees } from './wire.ts';

/** What one must be allowed to list to see it on the page. */
export const RIGHTS: Readonly<Record<keyof Sees, Right>> = {
  nodes: { group: API_GROUP, resource: 'nodelocalstorages' },
  volumes: { group: API_GROUP, resource: 'localvolumes' },
  pods: { group: '', resource: 'pods' },
  classes: { group: 'storage.k8s.io', resource: 'storageclasses' },
};

/** Throws Denied 403 that names the right. */
export async function mustSee(visitor: Visitor, what: keyof Sees, namespace?: string): Promise<void> {
  const right = { ...RIGHTS[what], ...(namespace !== undefined && { namespace }) };
  if (await visitor.may(right)) return;
  const { group, resource } = right;
  const where = namespace === undefined ? ' in all of the cluster' : ` in namespace ${namespace}`;
  throw new Denied(
    403,
    `${visitor.name} may not list ${resource}${group === '' ? '' : `.${group}`}${what === 'pods' ? where : ''}, which is what this shows: ask for a role that allows it`,
  );
}

export async function seesOf(visitor: Visitor): Promise<Sees> {
  const may = (what: keyof Sees): Promise<boolean> => visitor.may(RIGHTS[what]);
  const [nodes, volumes, pods, classes] = await Promise.all([
    may('nodes'),
    may('volumes'),
    may('pods'),
    may('classes'),
  ]);
  return { nodes, volumes, pods, classes };
}
