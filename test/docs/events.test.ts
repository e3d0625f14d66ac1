import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EVENT_REASONS, type EventReason } from '../../src/model/event-reasons.ts';

/** docs/events.md has every reason once, where its objects are, with a cause and what to do. */

const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/events.md'), 'utf8');

interface Row {
  readonly reason: string;
  readonly section: string;
  readonly cause: string;
  readonly remedy: string;
}

const rows = text.split(/^## /m).flatMap((part): Row[] => {
  const section = part.slice(0, part.indexOf('\n'));
  return [...part.matchAll(/^\| `(\w+)` \| (.*) \| (.*) \|$/gm)].map(([, reason = '', cause = '', remedy = '']) => ({
    ...{ reason, section, cause, remedy },
  }));
});

/** The title of the section that has the reasons of an object. */
const SECTIONS = {
  NodeLocalStorage: 'On a NodeLocalStorage',
  NodeLocalStorageInitConfig: 'On a NodeLocalStorageInitConfig',
  LocalVolume: 'On a LocalVolume',
  CustomResourceDefinition: 'On a CustomResourceDefinition',
  'NodeLocalStorage, StorageClass': 'On a NodeLocalStorage',
  'VolumeSnapshot, VolumeSnapshotContent': 'On a VolumeSnapshot and its content',
  Pod: 'On a pod that waits',
  'PersistentVolume, VolumeSnapshotContent, Pod': 'On volumes that open-local made before',
} as const satisfies Record<(typeof EVENT_REASONS)[EventReason]['on'], string>;

test('every reason of the code is told once, and no other', () => {
  const reasons = rows.map(({ reason }) => reason);
  expect(new Set(reasons).size).toBe(reasons.length);
  expect(new Set(reasons)).toEqual(new Set(Object.keys(EVENT_REASONS)));
});

const SENTENCE = /^.{5,}[.;]/;

test('each stands with the object that it is told on, with sentences', () => {
  for (const { reason, section, cause, remedy } of rows) {
    const entry = EVENT_REASONS[reason as EventReason];
    expect([reason, section]).toEqual([reason, SECTIONS[entry.on]]);
    expect([reason, cause, remedy]).toEqual([reason, expect.stringMatching(SENTENCE), expect.stringMatching(SENTENCE)]);
  }
});
