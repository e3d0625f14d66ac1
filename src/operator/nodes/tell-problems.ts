import type { EventRecorder } from '../../kube/events/events.ts';
import { apiVersionOf, NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import type { Informers } from '../follow/informers.ts';

/** An Event for everything in a NodeLocalStorage that could not be understood, when it is new. */
export function tellProblems({ storages }: Pick<Informers, 'storages'>, events: Pick<EventRecorder, 'record'>): void {
  const { kind } = NODE_LOCAL_STORAGES;
  storages.subscribe({
    changed: ({ name, uid, problems }, before) => {
      for (const message of problems.filter((problem) => !before?.problems.includes(problem)))
        events.record({
          subject: { apiVersion: apiVersionOf(NODE_LOCAL_STORAGES), kind, name, ...(uid === '' ? {} : { uid }) },
          type: 'Warning',
          reason: 'NotUnderstood',
          message,
        });
    },
  });
}
