import type { KubeObject } from '../../../src/model/objects.ts';
import { CLAIMS, LOCAL_VOLUMES, VOLUME_SNAPSHOTS, type Resource } from '../../../src/kube/resource.ts';
import { expect } from 'vitest';
import type { VolumeSnapshot } from '../../../src/model/snapshot-objects.ts';
import type { System } from '../system/system.ts';

const never = new AbortController().signal;
const NAMESPACE = 'default';
const WITHIN_MS = 90_000;
const LABEL = 'in-group';
/** As in examples/with-snapshots/group-snapshot.yaml. */
const CLASS = 'open-local-lvm';

interface Status {
  readonly readyToUse?: boolean;
  readonly boundVolumeGroupSnapshotContentName?: string;
  readonly error?: { readonly message?: string };
}
type Group = KubeObject & { readonly status?: Status };

const kind = (plural: string, name: string, namespaced: boolean): Resource<Group> => ({
  ...{ group: 'groupsnapshot.storage.k8s.io', version: 'v1', plural, kind: name, namespaced },
});
const GROUPS = kind('volumegroupsnapshots', 'VolumeGroupSnapshot', true);
const CONTENTS = kind('volumegroupsnapshotcontents', 'VolumeGroupSnapshotContent', false);
const CLASSES = kind('volumegroupsnapshotclasses', 'VolumeGroupSnapshotClass', false);

/** VolumeGroupSnapshots, as a person has them taken and deleted. */
export interface GroupSnapshots {
  /** Of the claims of these names. */
  take(name: string, claims: readonly string[]): Promise<void>;
  /** Resolves to the VolumeSnapshots that it is made of. */
  untilReady(name: string): Promise<readonly VolumeSnapshot[]>;
  /** Resolves to what its content says is in the way. */
  untilRefused(name: string): Promise<string>;
  /** Resolves once nothing of it is left. */
  remove(name: string): Promise<void>;
}

/** Makes the class that they name, too, if there is none. */
export function createGroupSnapshots({ client, stores }: System): GroupSnapshots {
  const get = (name: string): Promise<Group> => client.get(GROUPS, { namespace: NAMESPACE, name }, never);
  const contentOf = async (name: string): Promise<Group | undefined> => {
    const { boundVolumeGroupSnapshotContentName: content } = (await get(name)).status ?? {};
    return content === undefined ? undefined : client.get(CONTENTS, { name: content }, never);
  };
  const parts = async (name: string): Promise<readonly VolumeSnapshot[]> => {
    const { items } = await client.list(VOLUME_SNAPSHOTS, {}, never);
    return items.filter(
      ({ status }) => (status as { volumeGroupSnapshotName?: string })?.volumeGroupSnapshotName === name,
    );
  };
  const makeClass = async (): Promise<void> => {
    const { items } = await client.list(CLASSES, {}, never);
    if (items.length > 0) return;
    const parameters = { 'csi.aliyun.com/readonly': 'true', 'csi.aliyun.com/snapshot-initial-size': '1Gi' };
    const made = { metadata: { name: CLASS }, driver: 'local.csi.aliyun.com', deletionPolicy: 'Delete', parameters };
    await client.create(CLASSES, made, never);
  };
  return {
    take: async (name, claims) => {
      await makeClass();
      const metadata = { labels: { [LABEL]: name } };
      for (const claim of claims)
        await client.patch(CLAIMS, { namespace: NAMESPACE, name: claim }, { type: 'merge', body: { metadata } }, never);
      const source = { selector: { matchLabels: { [LABEL]: name } } };
      const group = {
        metadata: { namespace: NAMESPACE, name },
        spec: { volumeGroupSnapshotClassName: CLASS, source },
      };
      await client.create(GROUPS, group, never);
    },
    untilReady: async (name) => {
      await expect
        .poll(async () => (await get(name)).status, { timeout: WITHIN_MS })
        .toMatchObject({ readyToUse: true });
      return parts(name);
    },
    untilRefused: async (name) => {
      const said = async (): Promise<string> => (await contentOf(name))?.status?.error?.message ?? '';
      await expect.poll(said, { timeout: WITHIN_MS }).not.toBe('');
      return said();
    },
    remove: async (name) => {
      await client.delete(GROUPS, { namespace: NAMESPACE, name }, never);
      const left = async (): Promise<readonly string[]> => {
        const contents = (await client.list(CONTENTS, {}, never)).items;
        const volumes = (await client.list(LOCAL_VOLUMES, {}, never)).items.filter(({ spec }) => spec.groupSnapshot);
        return [...contents, ...volumes, ...(await parts(name))].map(({ metadata }) => metadata.name ?? '');
      };
      await expect.poll(left, { timeout: WITHIN_MS }).toEqual([]);
      for (const { metadata } of stores.claims.list().filter(({ metadata: { labels } }) => labels?.[LABEL] === name))
        await client.patch(
          CLAIMS,
          { namespace: NAMESPACE, name: metadata.name ?? '' },
          { type: 'merge', body: { metadata: { labels: { [LABEL]: null } } } },
          never,
        );
    },
  };
}
