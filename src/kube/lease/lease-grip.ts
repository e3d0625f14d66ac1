import { Fault } from '../../model/fault.ts';
import type { ObjectMeta } from '../../model/objects.ts';
import type { KubeClient } from '../client.ts';
import type { Clock } from '../../wait/clock.ts';
import { isConflict, isNotFound } from '../errors.ts';
import {
  givenBack,
  ownedBy,
  isFree,
  LEASES,
  sight,
  type Contender,
  type Lease,
  type Sighting,
} from './lease-record.ts';
import { find } from '../find.ts';

/** One contender's single steps on a Lease. Each write names the version it read, so of two writers one fails. */
export interface LeaseGrip {
  /** Whoever owned the Lease when it was last read. */
  owner(): string | undefined;
  /** Whether the Lease is ours now. Throws what the client throws, also when another contender was faster. */
  tryToTake(signal: AbortSignal): Promise<boolean>;
  /** Throws Fault `aborted` when the Lease is not ours any more, and what the client throws when we cannot know. */
  renew(signal: AbortSignal): Promise<void>;
  giveBack(signal: AbortSignal): Promise<void>;
}

export interface LeaseGripOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly key: { readonly namespace: string; readonly name: string };
  readonly contender: Contender;
  readonly clock: Clock;
  /** Annotations that every write of ours sets. */
  readonly annotations?: (() => Readonly<Record<string, string>>) | undefined;
}

export function createLeaseGrip({ client, key, contender, clock, annotations }: LeaseGripOptions): LeaseGrip {
  let ours: Lease = { metadata: key };
  let sighting: Sighting | undefined;
  let owner: string | undefined;

  const read = (signal: AbortSignal): Promise<Lease | undefined> => find(client, LEASES, key, signal);
  const write = async (lease: Lease, signal: AbortSignal): Promise<void> => {
    const spec = ownedBy(contender, lease.spec ?? {}, clock.date());
    ours = await client.update(
      LEASES,
      { ...lease, metadata: annotated(lease.metadata, annotations?.()), spec },
      signal,
    );
  };

  return {
    owner: () => owner || undefined,
    tryToTake: async (signal) => {
      const lease = await read(signal);
      if (!lease) {
        ours = await client.create(LEASES, { metadata: key, spec: ownedBy(contender, {}, clock.date()) }, signal);
        return true;
      }
      owner = lease.spec?.holderIdentity;
      sighting = sight(lease, sighting, clock.now());
      if (!isFree(sighting, contender, clock.now())) return false;
      await write(lease, signal);
      return true;
    },
    renew: async (signal) => {
      try {
        return await write(ours, signal);
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
      // Somebody wrote it: perhaps only a label, perhaps ourselves and the answer was lost.
      const lease = await read(signal);
      const owner = lease?.spec?.holderIdentity;
      if (!lease || owner !== contender.identity) {
        throw new Fault('aborted', `the Lease ${key.namespace}/${key.name} went to ${owner || 'nobody'}`);
      }
      return write(lease, signal);
    },
    giveBack: async (signal) => {
      await client.update(LEASES, { ...ours, spec: givenBack(ours.spec ?? {}, clock.date()) }, signal);
    },
  };
}

const annotated = (metadata: ObjectMeta, more: Readonly<Record<string, string>> = {}): ObjectMeta =>
  Object.keys(more).length === 0 ? metadata : { ...metadata, annotations: { ...metadata.annotations, ...more } };
