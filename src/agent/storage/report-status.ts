import type { NodeLocalStorage } from '../../model/objects.ts';
import type { KubeClient } from '../../kube/client.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import type { NlsStatus } from './summarize.ts';

export interface ReportOptions {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly name: string;
  /** A status that has not changed is written again after so many ms, for its heartbeat. */
  readonly heartbeatMs: number;
  /** Wall clock in ms. */
  readonly now: () => number;
}

/**
 * Writes the status when it differs from what the object has, or its heartbeat is old, and gives the object as written.
 * The status is replaced as a whole: nobody else writes it.
 */
export function createStatusReporter({ client, name, heartbeatMs, now }: ReportOptions) {
  return async (
    before: NodeLocalStorage['status'],
    after: NlsStatus,
    signal: AbortSignal,
  ): Promise<NodeLocalStorage | undefined> => {
    const heartbeat = Date.parse(before?.nodeStorageInfo?.state?.lastHeartbeatTime ?? '');
    // A clock that was set back leaves a heartbeat of the future, which would keep the node silent until then.
    if (sameContent(before, after) && Math.abs(now() - heartbeat) < heartbeatMs) return undefined;
    const patch = { type: 'json', body: [{ op: 'add', path: '/status', value: after }] } as const;
    return client.patch(NODE_LOCAL_STORAGES, { name }, patch, signal, 'status');
  };
}

/** Equal but for the heartbeat, whatever the order of the fields. */
function sameContent(before: NodeLocalStorage['status'], after: NlsStatus): boolean {
  return canonical(withoutHeartbeat(before ?? {})) === canonical(withoutHeartbeat(after));
}

function withoutHeartbeat(status: NlsStatus): NlsStatus {
  if (!status.nodeStorageInfo?.state) return status;
  const { lastHeartbeatTime: _, ...state } = status.nodeStorageInfo.state;
  return { ...status, nodeStorageInfo: { ...status.nodeStorageInfo, state } };
}

/** JSON with the fields of every object in order: the API server returns them in an order of its own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
