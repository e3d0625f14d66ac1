import { afterEach, beforeEach, expect, test } from 'vitest';
import { startOurApi, type OurApi } from '../../../test/rig/our-api.ts';
import { DEFINITIONS } from '../../definitions/definition.ts';
import type { Occurrence } from '../../kube/events/event-object.ts';
import { silentLog, type LogFields } from '../../model/log.ts';
import { tellOldDefinitions } from './old-definitions.ts';

const never = new AbortController().signal;
const NAME = 'localvolumes.csi.aliyun.com';
let ours: OurApi;
beforeEach(async () => {
  ours = await startOurApi();
});
afterEach(() => ours.close());

async function told(): Promise<{ readonly events: readonly Occurrence[]; readonly logged: readonly LogFields[] }> {
  const events: Occurrence[] = [];
  const logged: LogFields[] = [];
  await tellOldDefinitions(
    {
      client: ours.client,
      events: { record: (event) => void events.push(event) },
      log: { ...silentLog, error: (fields: LogFields) => void logged.push(fields) },
    },
    never,
  );
  return { events, logged };
}

const drop = (...fields: readonly string[]) =>
  ours.client.patch(
    DEFINITIONS,
    { name: NAME },
    {
      type: 'json',
      body: fields.map((field) => ({
        op: 'remove' as const,
        path: `/spec/versions/0/schema/openAPIV3Schema/properties/${field.replaceAll('.', '/properties/')}`,
      })),
    },
    never,
  );

test('definitions of this version are not told of', async () => {
  expect(await told()).toEqual({ events: [], logged: [] });
});

test('a definition that lacks fields of a status is told, with what to apply', async () => {
  await drop('status.volumeUuid', 'status.snapshot');
  const { events, logged } = await told();
  expect(events).toEqual([
    expect.objectContaining({
      type: 'Warning',
      reason: 'DefinitionOld',
      subject: expect.objectContaining({ kind: 'CustomResourceDefinition', name: NAME }),
    }),
  ]);
  expect(events[0]?.message).toMatch(/lacks status.snapshot, status.volumeUuid: .*kubectl apply .*-k crds/);
  expect(logged).toEqual([
    { object: `CustomResourceDefinition/${NAME}`, action: 'status.snapshot, status.volumeUuid' },
  ]);
});

test('of many fields five are named', async () => {
  await drop(
    ...['groupUuid', 'volumeUuid', 'summary', 'progress', 'copiedBytes', 'snapshot'].map((f) => `status.${f}`),
  );
  const { events } = await told();
  expect(events[0]?.message).toMatch(/ and 1 more: /);
});
