import type { Informers } from '../follow/informers.ts';

/** The pods that fit on no node when the scheduler last asked. It asks again when something happens that it watches; freed room is nothing of that. */
export interface WaitingPods {
  /** What filter answered. */
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
