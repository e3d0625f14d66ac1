import type { Stored } from './json.ts';

/**
 * Fields of core/v1 Event and their names in events.k8s.io/v1: one object, two faces (k8s.io/kubernetes,
 * pkg/apis/events/v1/conversion.go).
 */
const NAMES = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
] as const;

function renamed(object: Stored, apiVersion: string, names: readonly (readonly [from: string, to: string])[]): Stored {
  const result: Stored = { ...object, apiVersion };
  for (const [from, to] of names) {
    if (object[from] === undefined) continue;
    result[to] = object[from];
    delete result[from];
  }
  return result;
}

export const EVENT_FACE = {
  id: 'events.',
  toStored: (object: Stored): Stored =>
    renamed(
      object,
      'v1',
      NAMES.map(([core, events]) => [events, core]),
    ),
  fromStored: (object: Stored): Stored => renamed(object, 'events.k8s.io/v1', NAMES),
};
