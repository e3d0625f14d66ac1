import type { EventRecorder } from '../../kube/events/events.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import type { Informers } from '../follow/informers.ts';
import { subjectOf } from '../../kube/subject.ts';

/** Records an Event for each part of a NodeLocalStorage that cannot be understood, once. */
export function tellNotUnderstood(
  { storages }: Pick<Informers, 'storages'>,
  events: Pick<EventRecorder, 'record'>,
): void {
  storages.subscribe({
    changed: ({ name, uid, problems }, before) => {
      for (const message of problems.filter((problem) => !before?.problems.includes(problem)))
        events.record({
          subject: subjectOf(NODE_LOCAL_STORAGES, { name, uid }),
          type: 'Warning',
          reason: 'NotUnderstood',
          message,
        });
    },
  });
}
