import type { KubeObject } from './objects.ts';
import type { IoLimits, Layout, VolumeKind } from './storage-class.ts';
import type { VolumeReason } from './volume-reasons.ts';

export type LocalVolumePhase = 'Pending' | 'Ready' | 'Failed' | 'Deleting';

/** One volume, snapshot or inline volume on one node, in the words of `crds/localvolumes.yaml`. */
export interface LocalVolume extends KubeObject {
  spec: {
    nodeName: string;
    kind: VolumeKind;
    /** LVM: the group. */
    vgName?: string;
    /** Device: `/dev/…`; MountPoint: the directory. */
    path?: string;
    /** What the node must provide; grows, and is taken back to what it provides where it could not. */
    sizeBytes: number;
    layout?: Layout;
    role: 'Volume' | 'Snapshot' | 'Ephemeral';
    source?: { volume?: string; snapshot?: string };
    /** A snapshot on LVM: `sizeBytes` is its store's, which grows by `stepBytes` when fuller than the threshold. */
    copyOnWrite?: { thresholdPercent: number; stepBytes: number };
    /** A snapshot: claims made from it mount it as it is, or get a copy to write to. Absent: it serves a clone. */
    restore?: 'Mount' | 'Copy';
    /** The CSI id of the group snapshot that it is part of. */
    groupSnapshot?: string;
    /** The names of the volumes of which that is taken, this one's source among them: all on this node. */
    groupSources?: string[];
    /** The volume is its source snapshot itself, mounted read-only; it takes no room. */
    readOnly?: boolean;
    /** It was made before its record, by open-local or by hand: it is taken as it is, and never made anew. */
    adopted?: boolean;
    encryption?: 'luks2';
    fsType?: string;
    claim?: { namespace: string; name: string; uid?: string };
    limits?: IoLimits;
    /** The StorageClass's, once a VolumeAttributesClass has given others; absent, `limits` are the StorageClass's. */
    storageClassLimits?: IoLimits;
    /**
     * CreateVolume as first asked, to recognise a retry: name, capacity range in bytes, a hash of its parameters. Of a
     * snapshot: its CSI name, and the least that a claim made from it may ask for.
     */
    request?: { name: string; requiredBytes?: number; limitBytes?: number; parameters?: string };
  };
  status?: {
    phase?: LocalVolumePhase;
    /** What the node provides now, in bytes. */
    sizeBytes?: number;
    devicePath?: string;
    /** LVM: the UUIDs of the group and of the logical volume that were made or found for it, for good. */
    groupUuid?: string;
    volumeUuid?: string;
    /** For `kubectl get lvol`: size and limits as people write them. */
    summary?: { size?: string; limits?: string };
    /** Percent done of a copy. */
    progress?: number;
    /** A copy: so many bytes from the start are on disk; one that was cut goes on there. */
    copiedBytes?: number;
    /** A snapshot: when it was taken (RFC 3339), the bytes used of its store, and its source's size at that time. */
    snapshot?: { takenAt?: string; usedBytes?: number; sourceBytes?: number; overflowed?: boolean };
    /**
     * For programs; `message` for people. The text may be another version's: read it with `meaningOf` of
     * volume-reasons.ts.
     */
    reason?: VolumeReason;
    message?: string;
  };
}
