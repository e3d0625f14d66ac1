import type { KubeClient } from '../../src/kube/client.ts';
import { createEventRecorder } from '../../src/kube/events/events.ts';
import type { Log } from '../../src/model/log.ts';
import type { RecordEvent } from './deps.ts';
import { subjectOf } from '../../src/kube/subject.ts';

/** Records Events about objects; `run` writes them until aborted. */
export function createRecordEvent(
  client: KubeClient,
  log: Log,
): { readonly record: RecordEvent; readonly run: (signal: AbortSignal) => Promise<void> } {
  const recorder = createEventRecorder({ client, source: { component: 'open-local-sandbox' }, log });
  return {
    record: (resource, { metadata }, event) => recorder.record({ subject: subjectOf(resource, metadata), ...event }),
    run: (signal) => recorder.run(signal),
  };
}
