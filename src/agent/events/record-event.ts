import type { EventSubject } from '../../kube/subject.ts';
import type { EventReason } from '../../model/event-reasons.ts';

/** Tells people what happened to an object, where `kubectl describe` shows it. Never throws, never waits. */
export type RecordEvent = (
  about: EventSubject,
  event: { readonly type: 'Normal' | 'Warning'; readonly reason: EventReason; readonly message: string },
) => void;
