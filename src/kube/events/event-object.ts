import type { KubeObject, ObjectMeta } from '../../model/objects.ts';
import type { Resource } from '../resource.ts';
import type { EventSubject } from '../subject.ts';

/** v1 Event, which `kubectl describe` and `kubectl get events` show. */
export interface EventObject extends KubeObject {
  metadata: ObjectMeta;
  involvedObject: EventSubject;
  type: 'Normal' | 'Warning';
  /** One word in CamelCase, for programs. */
  reason: string;
  /** For people. */
  message: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
}

export const EVENTS: Resource<EventObject> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** Something that happened to an object. */
export interface Occurrence {
  readonly subject: EventSubject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Who tells. */
export interface EventSource {
  readonly component: string;
  readonly host?: string;
}

/** How often, and from when to when, something happened. */
export interface Series {
  readonly name: string;
  readonly count: number;
  readonly first: Date;
  readonly last: Date;
}

/** Events about the same thing: they become one object with a count. */
export const seriesKey = ({ subject, type, reason, message }: Occurrence): string =>
  JSON.stringify([subjectKey(subject), type, reason, message]);

export const subjectKey = ({ kind, namespace, name, uid }: EventSubject): string =>
  JSON.stringify([kind, namespace, name, uid]);

/** Events of cluster-scoped objects live where the server accepts them and `kubectl describe` looks. */
export const eventNamespace = (subject: EventSubject): string => subject.namespace ?? 'default';

/** An object's name may have 253 characters. */
export const eventName = (subject: EventSubject, unique: string): string =>
  `${subject.name.slice(0, 252 - unique.length)}.${unique}`;

/** The server refuses longer ones in events.k8s.io, through which others read ours. */
const MESSAGE_CHARS = 1024;

/** Times in an Event have whole seconds. */
const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

export function eventObject(occurrence: Occurrence, source: EventSource, series: Series): EventObject {
  const { subject, type, reason, message } = occurrence;
  return {
    metadata: { name: series.name, namespace: eventNamespace(subject) },
    involvedObject: subject,
    type,
    reason,
    message: message.length <= MESSAGE_CHARS ? message : `${message.slice(0, MESSAGE_CHARS - 1)}…`,
    ...countOf(series),
    firstTimestamp: timestamp(series.first),
    source,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
  };
}

/** What changes when the same thing happens again. */
export const countOf = ({ count, last }: Series): Pick<EventObject, 'count' | 'lastTimestamp'> => ({
  count,
  lastTimestamp: timestamp(last),
});
