import { expect, test } from 'vitest';
import { isNotFound } from '../../src/kube/errors.ts';
import { type Workbench, keyOf, refusal, type Thing } from './workbench.ts';

const FINALIZER = 'try.open-local.test/hold';

export function deletions(workbench: Workbench): void {
  const get = ({ metadata: { name = '' } }: Thing) =>
    workbench.client.get(workbench.things, { name, namespace: workbench.namespace }, workbench.signal);

  test('an object that nothing holds goes at once, and its name is free again with another uid', async () => {
    const thing = await workbench.made();
    const reply = await workbench.raw({ method: 'DELETE', path: workbench.path(thing.metadata.name) });
    expect(reply.json()).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: thing.metadata.name, group: workbench.things.group, kind: 'things', uid: thing.metadata.uid },
    });
    await expect(get(thing)).rejects.toSatisfy(isNotFound);
    const again = await workbench.made({}, { name: thing.metadata.name ?? '' });
    expect(again.metadata.uid).not.toBe(thing.metadata.uid);
  });

  test.each([{ uid: 'another' }, { resourceVersion: '1' }])('a delete for %j is a conflict', async (preconditions) => {
    const thing = await workbench.made();
    await expect(
      workbench.client.delete(workbench.things, keyOf(thing), workbench.signal, { preconditions }),
    ).rejects.toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test('a delete for this very object is done', async () => {
    const thing = await workbench.made();
    const { uid = '', resourceVersion = '' } = thing.metadata;
    await workbench.client.delete(workbench.things, keyOf(thing), workbench.signal, {
      preconditions: { uid, resourceVersion },
    });
    await expect(get(thing)).rejects.toSatisfy(isNotFound);
  });

  test('a finalizer holds a deleted object until it is taken off', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({}, { finalizers: [FINALIZER] });
    const key = keyOf(thing);
    await client.delete(things, key, signal);
    const held = await client.get(things, key, signal);
    expect(held.metadata).toMatchObject({
      deletionTimestamp: expect.stringMatching(/Z$/),
      deletionGracePeriodSeconds: 0,
      finalizers: [FINALIZER],
      generation: 2,
    });

    await client.delete(things, key, signal);
    expect(await client.get(things, key, signal)).toEqual(held);

    const labelled = await client.patch(
      things,
      key,
      { type: 'merge', body: { metadata: { labels: { a: 'b' } } } },
      signal,
    );
    expect(labelled.metadata.deletionTimestamp).toBe(held.metadata.deletionTimestamp);

    await client.patch(things, key, { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
    await expect(get(thing)).rejects.toSatisfy(isNotFound);
  });

  test('of two finalizers the last one off lets it go, by an update too', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({}, { finalizers: [FINALIZER, `${FINALIZER}-2`] });
    await client.delete(things, keyOf(thing), signal);
    const held = await client.get(things, keyOf(thing), signal);
    const rest = await client.update(
      things,
      { ...held, metadata: { ...held.metadata, finalizers: [FINALIZER] } },
      signal,
    );
    expect(rest.metadata.finalizers).toEqual([FINALIZER]);
    await client.update(things, { ...rest, metadata: { ...rest.metadata, finalizers: [] } }, signal);
    await expect(get(thing)).rejects.toSatisfy(isNotFound);
  });

  test('a finalizer taken off before the delete holds nothing', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({}, { finalizers: [FINALIZER] });
    await client.patch(things, keyOf(thing), { type: 'merge', body: { metadata: { finalizers: [] } } }, signal);
    expect(await client.get(things, keyOf(thing), signal)).toBeTruthy();
    await client.delete(things, keyOf(thing), signal);
    await expect(get(thing)).rejects.toSatisfy(isNotFound);
  });

  test('no finalizer can be added to what is being deleted', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({}, { finalizers: [FINALIZER] });
    await client.delete(things, keyOf(thing), signal);
    const path = workbench.path(thing.metadata.name);
    const type = 'application/merge-patch+json';
    const body = { metadata: { finalizers: [FINALIZER, `${FINALIZER}-2`] } };
    expect(refusal(await workbench.raw({ method: 'PATCH', path, type, body }))).toEqual({
      code: 422,
      reason: 'Invalid',
      causes: ['metadata.finalizers FieldValueForbidden'],
    });
    await client.patch(things, keyOf(thing), { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
  });

  test('an update cannot begin or end a deletion', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({}, { finalizers: [FINALIZER] });
    const marked = { ...thing, metadata: { ...thing.metadata, deletionTimestamp: '2001-01-01T00:00:00Z' } };
    await expect(client.update(things, marked, signal)).rejects.toMatchObject({ code: 422, reason: 'Invalid' });

    await client.delete(things, keyOf(thing), signal);
    const { deletionTimestamp, ...metadata } = (await client.get(things, keyOf(thing), signal)).metadata;
    const cleared = await client.update(things, { ...thing, metadata: { ...metadata, labels: { a: 'b' } } }, signal);
    expect(cleared.metadata).toMatchObject({ deletionTimestamp, labels: { a: 'b' } });
    await client.patch(things, keyOf(thing), { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
  });

  test('a collection is deleted as far as the selector goes', async () => {
    const { client, things, signal, namespace } = workbench;
    const set = workbench.name();
    const [one, two, other] = await Promise.all([
      workbench.made({}, { labels: { set } }),
      workbench.made({}, { labels: { set }, finalizers: [FINALIZER] }),
      workbench.made({}, { labels: { set: `${set}-other` } }),
    ]);
    const reply = await workbench.raw({ method: 'DELETE', path: `${workbench.path()}?labelSelector=set%3D${set}` });
    expect(reply.json()).toMatchObject({ kind: 'ThingList', items: [{}, {}] });
    const { items } = await client.list(things, { namespace, labelSelector: `set in (${set},${set}-other)` }, signal);
    const left = [two, other].map(({ metadata }) => metadata.name);
    expect(new Set(items.map(({ metadata }) => metadata.name))).toEqual(new Set(left));
    await expect(get(one)).rejects.toSatisfy(isNotFound);
    await client.patch(things, keyOf(two), { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
  });

  test.each([
    ['Orphan', 'orphan'],
    ['Foreground', 'foregroundDeletion'],
  ])('with the policy %s an object is marked for the garbage collector', async (propagationPolicy, finalizer) => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({}, { finalizers: [FINALIZER] });
    const path = workbench.path(thing.metadata.name);
    const reply = await workbench.raw({ method: 'DELETE', path, body: { propagationPolicy } });
    expect(reply.code).toBe(200);
    const { metadata } = reply.json<Thing>();
    expect(metadata.deletionTimestamp).toMatch(/Z$/);
    expect(new Set(metadata.finalizers)).toEqual(new Set([FINALIZER, finalizer]));
    await client.patch(things, keyOf(thing), { type: 'merge', body: { metadata: { finalizers: null } } }, signal);
  });

  test('with the policy Background it goes at once', async () => {
    const thing = await workbench.made();
    const path = `${workbench.path(thing.metadata.name)}?propagationPolicy=Background`;
    expect((await workbench.raw({ method: 'DELETE', path })).json()).toMatchObject({ status: 'Success' });
    await expect(get(thing)).rejects.toSatisfy(isNotFound);
  });

  test.each([
    [{ propagationPolicy: 'Later' }, 'propagationPolicy FieldValueNotSupported'],
    [{ propagationPolicy: 'Orphan', orphanDependents: true }, 'propagationPolicy FieldValueInvalid'],
    [{ dryRun: ['Some'] }, 'dryRun FieldValueNotSupported'],
  ])('a delete with %j is refused, and nothing is deleted', async (body, cause) => {
    const thing = await workbench.made();
    const path = workbench.path(thing.metadata.name);
    const reply = await workbench.raw({ method: 'DELETE', path, body });
    expect(refusal(reply)).toMatchObject({ code: 422, causes: [cause] });
    expect(await get(thing)).toEqual(thing);
  });
}
