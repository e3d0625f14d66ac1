import { present } from '../../model/present.ts';
import type { Placement } from '../../model/facts.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { formatLimits, limitsWith, sameLimits } from '../../model/mutable-parameters.ts';
import { UNTIL_DELETE_VOLUME } from '../../model/needed-data.ts';
import { volumeLabels } from '../../model/node-label.ts';
import { sha256 } from '../../model/sha256.ts';
import { KEEP, VOLUME_FINALIZER } from '../../model/well-known.ts';
import { limitsOfStorageClass } from './modify-volume.ts';
import type { Trace } from '../ports.ts';
import type { WantedVolume } from './wanted-volume.ts';

/** The order to the node's agent, and the record of what was asked. */
export function newLocalVolume(wanted: WantedVolume, placement: Placement, claimUid?: string): LocalVolume {
  const { id, name, asked, policy, usage, claim, attributes } = wanted;
  const limits = limitsWith(policy.limits, attributes);
  return {
    metadata: {
      name: id,
      labels: volumeLabels(placement.node),
      annotations: { [KEEP]: UNTIL_DELETE_VOLUME },
      finalizers: [VOLUME_FINALIZER],
    },
    spec: {
      nodeName: placement.node,
      kind: placement.kind,
      ...(placement.kind === 'LVM' ? { vgName: placement.vgName, layout: policy.layout } : { path: placement.path }),
      sizeBytes: placement.size,
      role: 'Volume',
      ...present({ fsType: usage.fsType, encryption: policy.encryption, source: wanted.source }),
      ...(claim ? { claim: { ...claim, ...present({ uid: claimUid }) } } : {}),
      ...(sameLimits(limits) ? {} : { limits }),
      ...(sameLimits(attributes) ? {} : { storageClassLimits: policy.limits }),
      request: {
        name,
        ...present({ requiredBytes: asked.required, limitBytes: asked.limit }),
        parameters: hashOfParameters(wanted.parameters),
      },
    },
  };
}

/**
 * What of the parameters makes the volume another one. Names of the claim, which csi-provisioner adds
 * as `csi.storage.k8s.io/…`, differ with its version and flags.
 */
function hashOfParameters(parameters: WantedVolume['parameters']): string {
  const own = Object.keys(parameters).filter((key) => !key.startsWith('csi.storage.k8s.io/'));
  return sha256(JSON.stringify(own.toSorted().map((key) => [key, parameters[key]]))).slice(0, 32);
}

/**
 * A new record of a volume that lost its own, or never had one, for its removal. One byte, since the agent makes a
 * logical volume as large as its record says, and this one has its size.
 */
export function lostRecord(id: string, trace: Trace & { readonly kind: 'found' }): LocalVolume {
  const { node } = trace;
  return {
    metadata: {
      name: id,
      labels: volumeLabels(node),
      annotations: { [KEEP]: UNTIL_DELETE_VOLUME },
      finalizers: [VOLUME_FINALIZER],
    },
    spec: {
      nodeName: node,
      ...('vgName' in trace
        ? { kind: 'LVM' as const, vgName: trace.vgName, adopted: true }
        : { kind: 'MountPoint' as const, path: trace.path }),
      sizeBytes: 1,
      role: 'Volume',
    },
  };
}

/** Throws Fault `conflict` that names the difference when the volume was asked for in other words. */
export function checkSame(wanted: WantedVolume, { spec }: LocalVolume): void {
  const { name, asked, policy, nodes, attributes, source } = wanted;
  const exact: readonly Comparison[] = [
    ['name', name, spec.request?.name],
    ['required_bytes', asked.required, spec.request?.requiredBytes],
    ['limit_bytes', asked.limit, spec.request?.limitBytes],
    ['role', 'Volume', spec.role],
    ['source', nameOfSource(source), nameOfSource(spec.source)],
    ['encryption', policy.encryption, spec.encryption],
    ['limit of IO in its StorageClass', formatLimits(policy.limits), formatLimits(limitsOfStorageClass(spec))],
    ['limit of IO', formatLimits(limitsWith(policy.limits, attributes)), formatLimits(spec.limits)],
  ];
  const whenGiven: readonly Comparison[] = [['volumeType', policy.kind, spec.kind], ...comparePlace(wanted, spec)];
  const compared = [...exact, ...whenGiven.filter(([, now]) => now !== undefined)];
  const [difference] = compared.filter(([, now, then]) => now !== then);
  if (difference !== undefined) {
    const [what, now = 'none', then = 'none'] = difference;
    throw new Fault('conflict', `volume ${name} exists with another ${what}: ${then}, not ${now}`);
  }
  // Volumes from before it was recorded have none.
  const { parameters } = spec.request ?? {};
  if (parameters !== undefined && parameters !== hashOfParameters(wanted.parameters))
    throw new Fault('conflict', `volume ${name} exists with other StorageClass parameters than were asked for now`);
  if (nodes && !nodes.includes(spec.nodeName))
    throw new Fault('conflict', `volume ${name} exists on node ${spec.nodeName}, which is not among those asked for`);
}

const nameOfSource = (source: WantedVolume['source']): string | undefined => source?.snapshot ?? source?.volume;

/** A mounted snapshot is where the snapshot is, and as it is. */
const comparePlace = ({ policy, usage }: WantedVolume, spec: LocalVolume['spec']): readonly Comparison[] =>
  spec.readOnly
    ? []
    : [
        ['vgName', policy.vgName, spec.vgName],
        ['lvmType', policy.kind === 'LVM' ? policy.layout : undefined, spec.layout],
        ['fs_type', usage.fsType, spec.fsType],
      ];

type Word = string | number | undefined;
type Comparison = readonly [what: string, now: Word, then: Word];
