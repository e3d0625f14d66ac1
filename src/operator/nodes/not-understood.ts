import type { EventRecorder } from '../../kube/events/events.ts';
import { NODE_LOCAL_STORAGES, STORAGE_CLASSES, type Resource } from '../../kube/resource.ts';
import { subjectOf } from '../../kube/subject.ts';
import { bytes, GIB } from '../../model/bytes.ts';
import { judgeClaim } from '../../model/claim-judge.ts';
import { checkTopologies } from '../../model/class-topologies.ts';
import { checkReserved } from '../../model/reserved-parameters.ts';
import { textOf } from '../../model/fault.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { ClassFacts } from '../../model/facts.ts';
import { parseStorageClass, unknownParameters } from '../../model/storage-class.ts';
import type { Informers } from '../follow/informers.ts';

export interface NotUnderstoodDeps {
  readonly informers: Pick<Informers, 'storages' | 'classes'>;
  /** Names of the CSI drivers whose StorageClasses are ours. */
  readonly drivers: readonly string[];
  readonly events: Pick<EventRecorder, 'record'>;
}

/**
 * Records an Event for each part of a NodeLocalStorage or of a StorageClass of ours that cannot be understood, once.
 */
export function tellNotUnderstood({ informers, drivers, events }: NotUnderstoodDeps): void {
  const tell = (resource: Resource, named: Parameters<typeof subjectOf>[1], messages: readonly string[]): void => {
    const subject = subjectOf(resource, named);
    const reason: EventReason = 'NotUnderstood';
    for (const message of messages) events.record({ subject, type: 'Warning', reason, message });
  };
  informers.storages.subscribe({
    changed: ({ name, uid, problems }, before) =>
      tell(NODE_LOCAL_STORAGES, { name, uid }, newIn(problems, before?.problems)),
  });
  const problemsOf = (facts: ClassFacts): readonly string[] =>
    drivers.includes(facts.provisioner) ? classProblems(facts) : [];
  informers.classes.subscribe({
    changed: (now, before) =>
      tell(STORAGE_CLASSES, { name: now.name }, newIn(problemsOf(now), before && problemsOf(before))),
  });
}

const newIn = (now: readonly string[], before: readonly string[] = []): readonly string[] =>
  now.filter((problem) => !before.includes(problem));

function classProblems({ parameters, mountOptions, topologies }: ClassFacts): readonly string[] {
  const rest = 'no volume of this class can be made';
  try {
    checkTopologies(topologies);
    checkReserved(parameters);
    const judged = judgeClaim(parseStorageClass(parameters, mountOptions), bytes(GIB));
    return 'problem' in judged ? [`${judged.problem}; ${rest}`] : unknownParameters(parameters);
  } catch (error) {
    return [`${textOf(error)}; ${rest}`];
  }
}
