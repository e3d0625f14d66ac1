import type { EventSubject } from '../../kube/subject.ts';

/** Tells people what happened to an object, where `kubectl describe` shows it. Never throws, never waits. */
export type RecordEvent = (
  about: EventSubject,
  event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string },
) => void;
