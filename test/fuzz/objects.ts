import { bytes, GIB, MIB, type Bytes } from '../../src/model/bytes.ts';
import type {
  ClaimFacts,
  ClassFacts,
  NodeStorage,
  PodFacts,
  PvFacts,
  SourceFacts,
  VolumeFacts,
} from '../../src/model/facts.ts';

/** Kinds of objects in the fuzzed cluster. */
export interface Objects {
  node: NodeStorage;
  class: ClassFacts;
  claim: ClaimFacts;
  pod: PodFacts;
  volume: VolumeFacts;
  pv: PvFacts;
  snapshot: SourceFacts;
}
export type Kind = keyof Objects;
export const KINDS: readonly Kind[] = ['node', 'class', 'claim', 'pod', 'volume', 'pv', 'snapshot'];

/** Objects by kind and key, as an API server holds them or as an informer has heard of them. */
export type Store = { [K in Kind]: Map<string, Objects[K]> };

export const emptyStore = (): Store => ({
  node: new Map(),
  class: new Map(),
  claim: new Map(),
  pod: new Map(),
  volume: new Map(),
  pv: new Map(),
  snapshot: new Map(),
});

export const DRIVER = 'local.csi.aliyun.com';
export const NAMESPACE = 'default';
export const halfGib = (n: number): Bytes => bytes((n * GIB) / 2);

const ours = (name: string, parameters: Record<string, string>): ClassFacts => ({
  name,
  provisioner: DRIVER,
  parameters,
});

export const CLASSES: readonly ClassFacts[] = [
  ours('any', { volumeType: 'LVM' }),
  ours('pool-0', { volumeType: 'LVM', vgName: 'pool-0' }),
  ours('pool-1', { volumeType: 'LVM', vgName: 'pool-1' }),
  ours('ssd', { volumeType: 'Device', mediaType: 'ssd' }),
  ours('disk', { volumeType: 'Device' }),
  ours('mount', { volumeType: 'MountPoint', mediaType: 'hdd' }),
  ours('wrong', { volumeType: 'Tape' }),
  { name: 'nfs', provisioner: 'nfs.example', parameters: {} },
];

export const EXTENTS: readonly number[] = [4 * MIB, GIB];
