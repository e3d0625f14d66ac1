import type { KubeObject, ObjectMeta } from '../../model/objects.ts';
import type { Resource } from '../resource.ts';

/** coordination.k8s.io/v1 Lease. Times are MicroTime: RFC 3339 with six digits. */
export interface Lease extends KubeObject {
  metadata: ObjectMeta;
  spec?: LeaseSpec;
}

export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/** Who wants the lease, and for how long after each renewal. */
export interface Contender {
  readonly identity: string;
  readonly leaseDurationMs: number;
}

/** What one contender saw of a lease, and when by its own clock (ms). */
export interface Sighting {
  readonly spec: LeaseSpec;
  readonly firstSeenAt: number;
}

/** The server wants exactly six digits after the seconds. */
export const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');

const isSame = (a: LeaseSpec, b: LeaseSpec): boolean =>
  a.holderIdentity === b.holderIdentity && a.renewTime === b.renewTime && a.acquireTime === b.acquireTime;

/** The sighting to go by after a lease was read: the earlier one, if the lease has not changed since. */
export const sight = (lease: Lease, before: Sighting | undefined, now: number): Sighting => {
  const spec = lease.spec ?? {};
  return before && isSame(before.spec, spec) ? before : { spec, firstSeenAt: now };
};

/** Of our own duration; a lease that a person edited may say years, and its owner be gone. */
const LONGEST = 10;

/**
 * Whether the lease may be taken: nobody owns it, we own it already, or its owner has not renewed it for a whole
 * duration **since we saw it change**. The times in it are the owner's and may be hours away from ours, so they are
 * only compared with each other.
 */
export function isFree({ spec, firstSeenAt }: Sighting, contender: Contender, now: number): boolean {
  const { holderIdentity, leaseDurationSeconds } = spec;
  if (!holderIdentity || holderIdentity === contender.identity) return true;
  const own = contender.leaseDurationMs;
  const durationMs = leaseDurationSeconds === undefined ? own : leaseDurationSeconds * 1000;
  return now - firstSeenAt >= Math.min(durationMs, LONGEST * own);
}

/** What we write to take or to renew a lease. */
export function ownedBy(contender: Contender, before: LeaseSpec, date: Date): LeaseSpec {
  const now = microTime(date);
  const isOurs = before.holderIdentity === contender.identity;
  return {
    ...before,
    holderIdentity: contender.identity,
    leaseDurationSeconds: Math.ceil(contender.leaseDurationMs / 1000),
    acquireTime: (isOurs && before.acquireTime) || now,
    renewTime: now,
    leaseTransitions: (before.leaseTransitions ?? 0) + (isOurs || before.leaseTransitions === undefined ? 0 : 1),
  };
}

/** What we write to give a lease back, so that the next owner need not wait. */
export const givenBack = (before: LeaseSpec, date: Date): LeaseSpec => ({
  ...before,
  holderIdentity: '',
  leaseDurationSeconds: 1,
  renewTime: microTime(date),
});
