import { createHash } from 'node:crypto';
import type { KubeClient } from '../kube/client.ts';
import { isAlreadyExists } from '../kube/errors.ts';
import type { Log } from '../kube/log.ts';
import type { RecordEvent } from './deps.ts';
import { EVENTS, type CoreEvent } from './kinds.ts';

/** Leaves core/v1 Events; the same one on the same object is left once. Failures are logged and forgotten. */
export function createRecordEvent(client: KubeClient, log: Log, signal: AbortSignal): RecordEvent {
  const done = new Set<string>();
  return (about, { type, reason, message }) => {
    const { name = '', namespace = 'default', uid = '' } = about.metadata;
    const hash = createHash('sha256').update(`${uid} ${reason} ${message}`).digest('hex').slice(0, 16);
    if (done.has(hash)) return;
    done.add(hash);
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const event: CoreEvent = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${hash}`, namespace },
      involvedObject: {
        ...(about.apiVersion === undefined ? {} : { apiVersion: about.apiVersion }),
        ...(about.kind === undefined ? {} : { kind: about.kind }),
        name,
        namespace,
        uid,
      },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component: 'open-local-sandbox' },
    };
    client.create(EVENTS, event, signal).catch((err: unknown) => {
      if (!signal.aborted && !isAlreadyExists(err))
        log.warn({ err, object: `${about.kind ?? ''}/${name}` }, 'no event');
    });
  };
}
