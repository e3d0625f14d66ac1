import type { KeyedMutex } from '../../daemon/keyed-mutex.ts';
import type { Batches } from '../../daemon/batches.ts';
import type { Gate } from '../../daemon/gate.ts';
import type { Gates } from '../../daemon/gates.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import type { Log } from '../../model/log.ts';
import type { Crypt } from '../../crypt/crypt.ts';
import type { Disks } from '../../disk/disks.ts';
import type { Lvm, Seen } from '../../lvm/lvm.ts';
import type { Filesystems } from '../../mount/filesystem.ts';
import type { Mounts } from '../../mount/mounts.ts';
import type { Inside, Tracer } from '../../trace/tracer.ts';
import type { RecordEvent } from '../events/record-event.ts';
import type { Observation } from '../storage/observe.ts';
import type { DisksElsewhere } from './disk-of-two-nodes.ts';
import type { VolumeStep } from './volume-step.ts';
import type { OnBroken, VolumeWriter } from './write-volume.ts';

/** What an agent works on its volumes with. */
export interface VolumeDeps {
  readonly lvm: Lvm;
  readonly disks: Pick<Disks, 'list' | 'resolve' | 'probe' | 'wipe' | 'erase' | 'mapperUuid'>;
  readonly filesystems: Pick<Filesystems, 'entries' | 'clear' | 'flush' | 'probe' | 'sectorOf' | 'thaw'>;
  readonly crypt: Pick<Crypt, 'mapping' | 'close' | 'header' | 'erase'>;
  readonly mounts: Pick<Mounts, 'list' | 'shows' | 'unmount'>;
  readonly observe: (signal: AbortSignal) => Promise<Observation>;
  readonly write: VolumeWriter;
  /** Keyed by group or path. */
  readonly locks: KeyedMutex;
  /** Volumes of a group that wait for its lock are worked on together. */
  readonly turns: Turns;
  /**
   * Erasing takes its time: few at once, which would only take turns on the same disks. By group or path, so that disks
   * that do not answer keep no others waiting.
   */
  readonly erasing: Gates;
  /** Whole disks and filesystems, and parts of group snapshots, look for themselves. */
  readonly apart: Gate;
  /** The node's LocalVolumes by name. */
  readonly others: ReadonlyMap<string, LocalVolume>;
  /** Asked for only where a disk is to be wiped that does not carry what its volume was given, and no more. */
  readonly disksElsewhere: DisksElsewhere;
  readonly record: RecordEvent;
  readonly log: Log;
  readonly tracer: Tracer;
  readonly onBroken: OnBroken;
  /** Called when something was made, grown or removed: the node's storage is to be reported. */
  readonly onChange: () => void;
  /** Begins to fill a volume from another one, or goes on: copy-volume.ts. */
  readonly fillLater: (volume: LocalVolume, signal: AbortSignal) => Promise<void>;
}

/** A volume that is worked on, until the next thing to do is one that ends it. */
export interface Member {
  readonly volume: LocalVolume;
  readonly deps: VolumeDeps;
  readonly endsWith: (step: VolumeStep) => boolean;
  /** Runs what is done for it as part of its own trace: another volume's turn may take it along. */
  readonly inside: Inside;
  /** What its first step is planned by, while that is not too old. Absent: a look that is made then. */
  readonly seen?: Seen | undefined;
}

/** How far a volume got. */
export interface Settled {
  readonly step: VolumeStep;
  /** What the step was planned by; of a volume of a group. */
  readonly seen?: Seen | undefined;
}

/** Members by their group. */
export type Turns = Batches<Member, Settled>;
