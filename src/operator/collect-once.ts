import { background } from '../daemon/background.ts';
import type { Component } from '../daemon/lifecycle.ts';
import { allSynced, type Informers } from './follow/informers.ts';

/** What reading a whole cluster leaves behind is collected, once. */
export interface CollectOnce {
  readonly component: Component;
  isDone(): boolean;
}

/**
 * Calls `collect`, where there is one, once all objects are read. What reading leaves behind is a third of the heap; V8
 * would keep it until it wants the room, and before this replica is ready nobody waits for an answer.
 */
export function createCollectOnce(informers: Informers, collect: (() => void) | undefined): CollectOnce {
  let isDone = false;
  return {
    component: background('garbage', async (signal) => {
      if (!(await allSynced(informers, signal))) return;
      collect?.();
      isDone = true;
    }),
    isDone: () => isDone,
  };
}
