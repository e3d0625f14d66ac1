import type { PodFacts } from '../../model/facts.ts';

/** `namespace/name` */
export const podKey = ({ namespace, name }: PodFacts): string => `${namespace}/${name}`;

/** The pods that are added, by the claims that they use. */
export function createPodsByClaim() {
  const pods = new Map<string, Set<string>>();
  const claimsOf = ({ namespace, volumes }: PodFacts): string[] =>
    volumes.flatMap((volume) => (volume.kind === 'inline' ? [] : [`${namespace}/${volume.claimName}`]));
  const known = new Map<string, readonly string[]>();
  const remove = (pod: PodFacts): void => {
    const key = podKey(pod);
    for (const claim of known.get(key) ?? []) {
      const users = pods.get(claim);
      users?.delete(key);
      if (users?.size === 0) pods.delete(claim);
    }
    known.delete(key);
  };
  return {
    add: (pod: PodFacts): void => {
      remove(pod);
      const claims = claimsOf(pod);
      known.set(podKey(pod), claims);
      for (const claim of claims) pods.set(claim, (pods.get(claim) ?? new Set()).add(podKey(pod)));
    },
    remove,
    podsOf: (claim: string): string[] => [...(pods.get(claim) ?? [])],
  };
}
