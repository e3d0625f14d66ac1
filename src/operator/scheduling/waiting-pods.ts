import type { Informers } from '../follow/informers.ts';

/**
 * Pods that fit on no node when kube-scheduler last asked. It retries on events that it watches; freed room is not one
 * of them.
 */
export interface WaitingPods {
  /** Notes what filter answered for a pod. */
  asked(podUid: string, fits: boolean): void;
  any(): boolean;
}

export function createWaitingPods(pods: Pick<Informers['pods'], 'subscribe'>): WaitingPods {
  const uids = new Set<string>();
  pods.subscribe({
    changed: ({ uid, nodeName, finished }) => {
      if (nodeName !== undefined || finished) uids.delete(uid);
    },
    deleted: ({ uid }) => void uids.delete(uid),
  });
  return {
    asked: (uid, fits) => {
      if (fits) uids.delete(uid);
      else uids.add(uid);
    },
    any: () => uids.size > 0,
  };
}
