import { nodeStorage, type DecodedNode } from '../../model/decode-node.ts';
import { claimFacts, podFacts, pvFacts } from '../../model/decode.ts';
import type { ClaimFacts, PodFacts, PvFacts } from '../../model/facts.ts';
import type {
  LocalVolume,
  Node,
  NodeLocalStorage,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../model/objects.ts';
import { KEEP } from '../../model/well-known.ts';

/** What is kept of a Node. */
export interface NodeView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What is kept of a NodeLocalStorage: what it asks for, and what its status says in our own words. */
export interface StorageView extends DecodedNode {
  readonly name: string;
  readonly uid: string;
  readonly spec: NodeLocalStorage['spec'];
}

/** What is kept of a PersistentVolume: for the ledger, and for the metrics. */
export interface PvView {
  readonly facts: PvFacts | undefined;
  readonly phase: string;
  /** Empty names where the volume takes nothing that is known: then nobody asks. */
  readonly claim: { readonly namespace: string; readonly name: string };
}

/** How each kind of object is kept. Of a large cluster a hundred thousand are, so each field counts, and so does each copy of a text. */
export interface Views {
  readonly node: (node: Node) => NodeView;
  readonly storage: (nls: NodeLocalStorage) => StorageView;
  /** With its spec and status, but of its metadata only name, uid and deletionTimestamp, and while it is deleted whether it is held. */
  readonly volume: (volume: LocalVolume) => LocalVolume;
  readonly pod: (pod: Pod) => PodFacts;
  readonly claim: (claim: PersistentVolumeClaim) => ClaimFacts;
  readonly pv: (pv: PersistentVolume) => PvView;
}

const NO_CLAIM = { namespace: '', name: '' };
const NO_VOLUMES: PodFacts['volumes'] = [];
/** Names of nodes, volumes, groups and namespaces that are in use at the same time in a very large cluster; more only cost memory. */
const MAX_TEXTS = 200_000;

/** `drivers` are the names of CSI drivers that are ours. */
export function createViews(drivers: readonly string[]): Views {
  const share = createSharing(MAX_TEXTS);
  return {
    node: ({ metadata }) => share({ name: metadata.name ?? '', labels: metadata.labels ?? {} }, 'name'),
    storage: (nls) => {
      const view = { name: nls.metadata.name ?? '', uid: nls.metadata.uid ?? '', spec: nls.spec, ...nodeStorage(nls) };
      for (const group of view.storage.groups) {
        share(group, 'name');
        for (const volume of group.volumes) share(volume, 'name');
      }
      return share(view, 'name');
    },
    volume: ({ metadata, spec, status }) => ({
      metadata: share(identityOf(metadata), 'name'),
      spec: {
        ...share(spec, 'nodeName', 'vgName', 'fsType'),
        ...(spec.claim && { claim: share(spec.claim, 'namespace') }),
        ...(spec.request && { request: share(spec.request, 'name') }),
      },
      ...(status && { status: share(status, 'phase') }),
    }),
    pod: (pod) => {
      const facts = podFacts(pod, drivers);
      return share({ ...facts, volumes: openVolumes(facts) }, 'namespace', 'nodeName');
    },
    claim: (claim) => share(claimFacts(claim), 'namespace', 'storageClass', 'volumeName', 'selectedNode'),
    pv: (pv) => {
      const facts = pvFacts(pv);
      const { namespace = '', name = '' } = pv.spec?.claimRef ?? {};
      return {
        facts: facts && share(facts, 'name', 'handle', 'driver', 'node'),
        phase: pv.status?.phase ?? '',
        claim: facts?.takes ? { namespace, name } : NO_CLAIM,
      };
    },
  };
}

const identityOf = ({ name, uid, deletionTimestamp, annotations }: ObjectMeta): ObjectMeta => ({
  ...(name !== undefined && { name }),
  ...(uid !== undefined && { uid }),
  ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  ...(deletionTimestamp !== undefined && annotations?.[KEEP] && { annotations: { [KEEP]: annotations[KEEP] } }),
});

/** A pod that has its node, or has ended, asks for none of its claims any more; its inline volumes are known by nothing else. */
function openVolumes({ nodeName, finished, volumes }: PodFacts): PodFacts['volumes'] {
  if (nodeName === undefined && !finished) return volumes;
  const inline = volumes.filter(({ kind }) => kind === 'inline');
  return inline.length > 0 ? inline : NO_VOLUMES;
}

/** Lets equal texts in fields of objects be one, in place: JSON.parse makes a copy of each. Forgets all when it knows `max` texts. */
function createSharing(max: number): <T extends object>(object: T, ...fields: readonly (keyof T)[]) => T {
  const texts = new Map<string, string>();
  return (object, ...fields) => {
    for (const field of fields) {
      const text: unknown = object[field];
      if (typeof text !== 'string') continue;
      const known = texts.get(text);
      if (known !== undefined) {
        (object as Record<keyof typeof object, unknown>)[field] = known;
        continue;
      }
      if (texts.size >= max) texts.clear();
      texts.set(text, text);
    }
    return object;
  };
}
