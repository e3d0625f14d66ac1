import type { Bytes } from '../../model/bytes.ts';
import type { Sealed } from '../../model/encryption.ts';
import type { ClaimFacts, SourceFacts } from '../../model/facts.ts';
import type { OurClass } from './classes.ts';

/** What the ledger knows that a pod's needs depend on. */
export interface Known {
  findClaim(namespace: string, name: string): ClaimFacts | undefined;
  findClass(name: string | undefined): OurClass | undefined;
  /** Undefined while it is not known, or not ready. */
  findSnapshot(namespace: string, name: string): SourceFacts | undefined;
  /** False for a snapshot that is surely gone. */
  mayServe(namespace: string, name: string): boolean;
  /** Where the claim's volume is, else the node that the scheduler chose for it; undefined while neither is known. */
  nodeOfClaim(claim: ClaimFacts): string | undefined;
  /** What is recorded of the claim's volume, and why nothing can be cloned from it. */
  volumeOfClaim(claim: ClaimFacts): Pick<Source, 'group' | 'sealed' | 'problem'>;
  /** What CreateVolume said when it refused the claim for what it is; undefined for any other claim. */
  wrongWith(claim: ClaimFacts): string | undefined;
  /** Whether nobody asked for its volume for so long that no room is held for it any more. */
  isUnasked(claim: ClaimFacts): boolean;
  /** Whether its room is held for the claim or recorded, so that the pod needs none for it. */
  isProvided(claim: ClaimFacts): boolean;
}

export interface Source extends Pick<SourceFacts, 'node' | 'readOnly' | 'size' | 'least' | 'problem'> {
  /** Of a volume that is cloned: its group, and its own size. Absent: it is in none. */
  readonly group?: Group;
  /** Empty: it is not encrypted. Absent: nobody knows. */
  readonly sealed?: Sealed;
}

export interface Group {
  readonly vgName: string;
  readonly size: Bytes;
}
