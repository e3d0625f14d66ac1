import { followAll, type Informers } from '../../src/operator/follow/informers.ts';

/** Follows a cluster and does `work` beside that. What is given back ends both, and resolves once they have ended. */
export function startFollowing(
  informers: Informers,
  work: (signal: AbortSignal) => Promise<void>,
): () => Promise<void> {
  const stopping = new AbortController();
  const running = Promise.all([followAll(informers, stopping.signal), work(stopping.signal)]);
  return async () => {
    stopping.abort();
    await running;
  };
}
