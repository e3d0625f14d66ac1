import type { Pod } from '../../model/objects.ts';
import type { Refusal } from '../../model/verdict.ts';

/** Pods and refusals with which tests ask and answer. */

export const UNKNOWN: Refusal = { kind: 'unknown-node', message: 'no storage of open-local', unresolvable: true };
export const FULL: Refusal = {
  kind: 'group-too-small',
  message: 'not enough room for 5 GiB in "pool-0"',
  unresolvable: true,
};
export const HELD: Refusal = { kind: 'held-by-others', message: 'room is held for other pods', unresolvable: false };

/** A pod as kube-scheduler sends it. */
export const testPod = (claims: readonly string[] = ['data-web-0'], uid = 'pod-1'): Pod => ({
  metadata: { name: 'web-0', namespace: 'shop', uid },
  spec: { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
});
