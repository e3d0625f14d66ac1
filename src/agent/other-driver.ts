import { untilAlone } from '../csi/node/other-driver.ts';
import type { Component } from '../daemon/lifecycle.ts';
import type { KubeClient } from '../kube/client.ts';
import { find } from '../kube/find.ts';
import { NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { subjectOf } from '../kube/subject.ts';
import type { Log } from '../model/log.ts';
import type { AgentConfig } from './config.ts';
import type { RecordEvent } from './events/record-event.ts';

export interface OtherDriverDeps {
  readonly client: Pick<KubeClient, 'get'>;
  readonly record: RecordEvent;
  readonly log: Log;
}

/**
 * A part that has started once no other driver serves on this node: whatever comes after it waits. What is in the way
 * is told in the log, in an Event on the NodeLocalStorage, and by `problem`.
 */
export function createOtherDriver(
  { nodeName: name, csiEndpoint, registrationSocket, driverName, kubeletDir }: AgentConfig,
  { client, record, log }: OtherDriverDeps,
): { readonly component: Component; readonly problem: () => string | undefined } {
  let found: string | undefined;
  const tell = async (message: string, signal: AbortSignal): Promise<void> => {
    // Without its uid nobody who looks at the object sees the Event.
    const nls = await find(client, NODE_LOCAL_STORAGES, { name }, signal).catch(() => undefined);
    record(subjectOf(NODE_LOCAL_STORAGES, nls?.metadata ?? { name }), {
      type: 'Warning',
      reason: 'OtherDriver',
      message,
    });
  };
  const sockets = [
    ...(csiEndpoint?.kind === 'unix' ? [csiEndpoint.path] : []),
    // Without a registration no kubelet calls us, and another driver is in nobody's way.
    ...(registrationSocket === undefined ? [] : [`${kubeletDir}/plugins/${driverName}/csi.sock`, registrationSocket]),
  ];
  const start = (signal: AbortSignal): Promise<void> => {
    const telling = (problem: string | undefined): void => {
      found = problem;
      if (problem === undefined) return log.info({}, 'the other driver has ended: this one begins');
      log.warn({ action: problem }, 'another driver works on this node');
      return void tell(problem, signal);
    };
    return untilAlone({ sockets, tell: telling }, signal);
  };
  return { component: { name: 'other driver', start, stop: async () => {} }, problem: () => found };
}
