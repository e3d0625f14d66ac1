import { present } from '../model/present.ts';
import { apiVersionOf, type Resource } from './resource.ts';

/** What an Event is about (an ObjectReference); without a namespace for a cluster-scoped object. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

/**
 * An object as the subject of an Event. `kubectl describe` shows the Event only where the uid is the object's, so it is
 * given if known.
 */
export const subjectOf = (
  resource: Resource,
  { name = '', namespace, uid }: { readonly [Key in 'name' | 'namespace' | 'uid']?: string | undefined },
): EventSubject => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  name,
  ...present({ namespace }),
  ...(uid !== undefined && uid !== '' && { uid }),
});
