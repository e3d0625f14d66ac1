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

/**
 * kube-scheduler asks again after five minutes at the latest. Of a pod about which it does not, the end was heard
 * before it was asked about: nothing more will be heard of it. Ms.
 */
const ASKED_AGAIN_MS = 15 * 60_000;

/** `now`: ms that only ever grow. */
export function createWaitingPods(pods: Pick<Informers['pods'], 'subscribe'>, now: () => number): WaitingPods {
  /** By uid when each was last asked about, the latest last. */
  const askedAt = new Map<string, number>();
  pods.subscribe({
    changed: ({ uid, nodeName, finished }) => {
      if (nodeName !== undefined || finished) askedAt.delete(uid);
    },
    deleted: ({ uid }) => void askedAt.delete(uid),
  });
  return {
    asked: (uid, fits) => {
      askedAt.delete(uid);
      if (!fits) askedAt.set(uid, now());
    },
    any: () => {
      for (const [uid, at] of askedAt) {
        if (now() - at < ASKED_AGAIN_MS) return true;
        askedAt.delete(uid);
      }
      return false;
    },
  };
}
