import { expect, test } from 'vitest';
import { type Workbench, CONFIG_MAPS, keyOf, refusal } from './workbench.ts';

const MERGE = 'application/merge-patch+json';

export function writes(workbench: Workbench): void {
  test('a new object gets an identity, defaults and generation 1, and no status', async () => {
    const sent = { ...workbench.thing(), status: { phase: 'Big' } };
    const thing = await workbench.client.create(workbench.things, sent, workbench.signal);
    expect(thing).toEqual({
      ...sent,
      metadata: expect.objectContaining({
        name: sent.metadata.name,
        namespace: workbench.namespace,
        generation: 1,
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: expect.stringMatching(/^\d+$/),
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      }),
      spec: { size: 5, color: 'red', given: { flag: true } },
      status: undefined,
    });
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test('a name is taken once', async () => {
    const thing = await workbench.made();
    await expect(workbench.made({}, { name: thing.metadata.name ?? '' })).rejects.toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
    });
  });

  test('generateName makes a new name each time', async () => {
    const [one, two] = await Promise.all([
      workbench.made({}, { generateName: 'g-' }),
      workbench.made({}, { generateName: 'g-' }),
    ]);
    expect(one.metadata.name).toMatch(/^g-[a-z0-9]{5}$/);
    expect(two.metadata.name).not.toBe(one.metadata.name);
  });

  test.each([
    ['Upper', 'metadata.name FieldValueInvalid'],
    ['under_score', 'metadata.name FieldValueInvalid'],
    ['-dash', 'metadata.name FieldValueInvalid'],
    ['dot.', 'metadata.name FieldValueInvalid'],
    ['x'.repeat(254), 'metadata.name FieldValueInvalid'],
    ['', 'metadata.name FieldValueRequired'],
  ])('the name %j is refused', async (name, cause) => {
    const reply = await workbench.raw({ method: 'POST', path: workbench.path(), body: workbench.thing({}, { name }) });
    expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes: [cause] });
  });

  test.each([
    [{ labels: { 'a b': 'x' } }, 'metadata.labels FieldValueInvalid'],
    [{ labels: { a: 'no good!' } }, 'metadata.labels FieldValueInvalid'],
    [{ labels: { a: 'x'.repeat(64) } }, 'metadata.labels FieldValueInvalid'],
    [{ annotations: { 'a b': 'x' } }, 'metadata.annotations FieldValueInvalid'],
    [{ finalizers: ['not good'] }, 'metadata.finalizers FieldValueInvalid'],
  ])('the metadata %j is refused', async (metadata, cause) => {
    const reply = await workbench.raw({ method: 'POST', path: workbench.path(), body: workbench.thing({}, metadata) });
    expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes: [cause] });
  });

  test('nothing is created in a namespace that is not there', async () => {
    const namespace = workbench.name();
    await expect(workbench.made({}, { namespace })).rejects.toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: expect.stringContaining(`namespaces "${namespace}" not found`) as string,
    });
  });

  test('what is not there is told by its name', async () => {
    const key = { name: workbench.name(), namespace: workbench.namespace };
    const missing = {
      code: 404,
      reason: 'NotFound',
      message: expect.stringContaining(`things.${workbench.things.group} "${key.name}" not found`) as string,
    };
    const { client, things, signal } = workbench;
    await expect(client.get(things, key, signal)).rejects.toMatchObject(missing);
    await expect(client.patch(things, key, { type: 'merge', body: {} }, signal)).rejects.toMatchObject(missing);
    await expect(client.patch(things, key, { type: 'merge', body: {} }, signal, 'status')).rejects.toMatchObject(
      missing,
    );
    await expect(client.delete(things, key, signal)).rejects.toMatchObject(missing);
    const sent = workbench.thing({}, { name: key.name, resourceVersion: '1' });
    await expect(client.update(things, sent, signal)).rejects.toMatchObject(missing);
  });

  test('an update replaces the spec and keeps what is the server’s', async () => {
    const { client, things, signal } = workbench;
    const first = await workbench.made({ name: 'abc', words: ['a'] }, { labels: { a: 'b' } });
    const next = {
      ...first,
      metadata: { ...first.metadata, labels: { c: 'd' }, generation: 77, creationTimestamp: '2001-01-01T00:00:00Z' },
      spec: { size: 6 },
      status: { phase: 'Big' },
    };
    const second = await client.update(things, next, signal);
    const { uid, creationTimestamp, name, namespace } = first.metadata;
    expect(second).toMatchObject({
      metadata: { uid, creationTimestamp, name, namespace, labels: { c: 'd' }, generation: 2 },
      spec: { size: 6, color: 'red', given: { flag: true } },
    });
    expect(second).not.toHaveProperty('status');
    expect(second.spec).not.toHaveProperty('name');
    const without = { ...second.metadata };
    delete without.uid;
    expect((await client.update(things, { ...second, metadata: without }, signal)).metadata.uid).toBe(uid);
    expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion));
  });

  test('an update of an older version is a conflict', async () => {
    const first = await workbench.made();
    await workbench.client.update(workbench.things, { ...first, spec: { size: 6 } }, workbench.signal);
    await expect(
      workbench.client.update(workbench.things, { ...first, spec: { size: 7 } }, workbench.signal),
    ).rejects.toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
  });

  test('of many updates of one version exactly one is done', async () => {
    const first = await workbench.made();
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) =>
        workbench.client.update(workbench.things, { ...first, spec: { size: 10 + i } }, workbench.signal),
      ),
    );
    const refused = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toEqual(
      Array.from({ length: 11 }, () => expect.objectContaining({ code: 409, reason: 'Conflict' })),
    );
  });

  test('a custom object is updated only with its version, a ConfigMap without too', async () => {
    const { client, signal } = workbench;
    const thing = await workbench.made();
    const { resourceVersion: _, ...metadata } = thing.metadata;
    const reply = await workbench.raw({
      method: 'PUT',
      path: workbench.path(metadata.name),
      body: workbench.thing({}, { name: metadata.name ?? '' }),
    });
    expect(refusal(reply)).toEqual({
      code: 422,
      reason: 'Invalid',
      causes: ['metadata.resourceVersion FieldValueInvalid'],
    });

    const map = { metadata: { name: workbench.name(), namespace: workbench.namespace }, data: { a: '1' } };
    await client.create(CONFIG_MAPS, map, signal);
    const second = await client.update(CONFIG_MAPS, { ...map, data: { a: '2' } }, signal);
    expect(second).toMatchObject({ metadata: { namespace: workbench.namespace }, data: { a: '2' } });
  });

  test('an update for another uid is a conflict', async () => {
    const thing = await workbench.made();
    const other = { ...thing, metadata: { ...thing.metadata, uid: 'a-b-c' } };
    await expect(workbench.client.update(workbench.things, other, workbench.signal)).rejects.toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
  });

  test('an update that changes nothing makes no new version', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({ name: 'abc' }, { labels: { a: 'b' } });
    const { resourceVersion } = thing.metadata;
    expect((await client.update(things, thing, signal)).metadata.resourceVersion).toBe(resourceVersion);
    const patch = { type: 'merge', body: { spec: { name: 'abc' }, status: { phase: 'Big' } } } as const;
    expect((await client.patch(things, keyOf(thing), patch, signal)).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('generation counts changes of the spec, not of labels or status', async () => {
    const { client, things, signal } = workbench;
    const key = keyOf(await workbench.made());
    const generation = async (body: unknown, subresource?: 'status') =>
      (await client.patch(things, key, { type: 'merge', body }, signal, subresource)).metadata.generation;
    expect(await generation({ metadata: { labels: { a: 'b' } } })).toBe(1);
    expect(await generation({ status: { phase: 'Big' } }, 'status')).toBe(1);
    expect(await generation({ spec: { size: 9 } })).toBe(2);
  });

  test('the status is written through its own path, and nothing else is', async () => {
    const { client, things, signal } = workbench;
    const thing = await workbench.made({ size: 7 });
    const status = { phase: 'Big', conditions: [{ type: 'Ready', status: 'True' as const }] };
    const changed = { ...thing, metadata: { ...thing.metadata, labels: { a: 'b' } }, spec: { size: 8 }, status };
    const second = await client.update(things, changed, signal, 'status');
    expect(second).toMatchObject({ spec: { size: 7 }, status });
    expect(second.metadata).not.toHaveProperty('labels');
    const patch = { type: 'merge', body: { status: { phase: 'Small' }, spec: { size: 9 } } } as const;
    const third = await client.patch(things, keyOf(thing), patch, signal, 'status');
    expect(third).toMatchObject({ spec: { size: 7 }, status: { ...status, phase: 'Small' } });
    expect(await client.patch(things, keyOf(thing), { ...patch, body: { status: null } }, signal)).toEqual(third);
  });

  test('a stale status is a conflict', async () => {
    const thing = await workbench.made();
    await workbench.client.update(workbench.things, { ...thing, status: { phase: 'Big' } }, workbench.signal, 'status');
    const again = workbench.client.update(
      workbench.things,
      { ...thing, status: { phase: 'Small' } },
      workbench.signal,
      'status',
    );
    await expect(again).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
  });

  test('a merge patch sets, replaces lists and removes by null', async () => {
    const thing = await workbench.made(
      { name: 'abc', words: ['a', 'b'], counts: { x: 1, y: 2 } },
      { labels: { a: '1', b: '2' } },
    );
    const body = { metadata: { labels: { a: null, c: '3' } }, spec: { name: null, words: ['c'], counts: { x: null } } };
    const patched = await workbench.client.patch(
      workbench.things,
      keyOf(thing),
      { type: 'merge', body },
      workbench.signal,
    );
    expect(patched.metadata.labels).toEqual({ b: '2', c: '3' });
    expect(patched.spec).toEqual({ words: ['c'], counts: { y: 2 }, size: 5, color: 'red', given: { flag: true } });
  });

  test('a patch that names an older version is a conflict', async () => {
    const thing = await workbench.made();
    const { resourceVersion } = thing.metadata;
    const body = (size: number) => ({ metadata: { resourceVersion }, spec: { size } });
    const patch = (size: number) =>
      workbench.client.patch(workbench.things, keyOf(thing), { type: 'merge', body: body(size) }, workbench.signal);
    await patch(6);
    await expect(patch(7)).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
  });

  test('a JSON patch tests, adds, copies, moves, replaces and removes in order', async () => {
    const thing = await workbench.made({ words: ['a'], name: 'abc' }, { labels: { a: '1' } });
    const body = [
      { op: 'test', path: '/spec/size', value: 5 },
      { op: 'add', path: '/metadata/labels/x~1y', value: 'z' },
      { op: 'add', path: '/spec/words/-', value: 'b' },
      { op: 'add', path: '/spec/words/0', value: 'c' },
      { op: 'copy', from: '/spec/words/1', path: '/spec/words/3' },
      { op: 'move', from: '/spec/words/0', path: '/spec/words/2' },
      { op: 'replace', path: '/spec/color', value: 'green' },
      { op: 'remove', path: '/spec/name' },
    ];
    const patched = await workbench.client.patch(
      workbench.things,
      keyOf(thing),
      { type: 'json', body },
      workbench.signal,
    );
    expect(patched.metadata.labels).toEqual({ a: '1', 'x/y': 'z' });
    expect(patched.spec).toEqual({ words: ['a', 'b', 'c', 'a'], size: 5, color: 'green', given: { flag: true } });
  });

  test.each([
    ['a test that fails', [{ op: 'test', path: '/spec/size', value: 6 }]],
    ['removing what is not there', [{ op: 'remove', path: '/spec/nope' }]],
    ['adding below what is not there', [{ op: 'add', path: '/spec/nope/x', value: 1 }]],
    ['a place beyond the end of a list', [{ op: 'add', path: '/spec/words/9', value: 'x' }]],
    ['an operation nobody knows', [{ op: 'zap', path: '/spec/size' }]],
  ])('a JSON patch with %s changes nothing', async (_, operations) => {
    const thing = await workbench.made({ words: ['a'] });
    const body = [{ op: 'add', path: '/spec/words/-', value: 'b' }, ...operations];
    await expect(
      workbench.client.patch(workbench.things, keyOf(thing), { type: 'json', body }, workbench.signal),
    ).rejects.toMatchObject({
      code: 422,
      reason: 'Invalid',
    });
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test.each([
    ['application/json-patch+json', { op: 'add', path: '/spec/size', value: 6 }, 400],
    ['application/json-patch+json', '[{"op":', 400],
    [MERGE, [1], 400],
    [MERGE, '"text"', 400],
    [MERGE, '{"spec":', 400],
    ['application/json', {}, 415],
    ['application/strategic-merge-patch+json', {}, 415],
  ])('a patch of type %s with the body %j is refused', async (type, body, code) => {
    const thing = await workbench.made();
    const reply = await workbench.raw({ method: 'PATCH', path: workbench.path(thing.metadata.name), type, body });
    expect(reply.code).toBe(code);
  });

  test.each([
    ['name', { metadata: { name: 'other' } }, 400],
    ['namespace', { metadata: { namespace: 'default' } }, 400],
    ['metadata', { metadata: null }, 400],
    ['uid', { metadata: { uid: 'a-b-c' } }, 422],
    ['kind', { kind: 'Other' }, 422],
  ])('a patch cannot change the %s', async (_, body, code) => {
    const thing = await workbench.made();
    const reply = await workbench.raw({
      method: 'PATCH',
      path: workbench.path(thing.metadata.name),
      type: MERGE,
      body,
    });
    expect(reply.code).toBe(code);
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test('a dry run answers as if it were done, and does nothing', async () => {
    const sent = workbench.thing({ name: 'abc' });
    const path = workbench.path(sent.metadata.name);
    const tried = await workbench.raw({ method: 'POST', path: `${workbench.path()}?dryRun=All`, body: sent });
    expect(tried.code).toBe(201);
    expect(tried.json()).toMatchObject({ spec: { name: 'abc', size: 5 } });
    expect((await workbench.raw({ path })).code).toBe(404);

    const thing = await workbench.client.create(workbench.things, sent, workbench.signal);
    const patched = await workbench.raw({
      method: 'PATCH',
      path: `${path}?dryRun=All`,
      type: MERGE,
      body: { spec: { size: 6 } },
    });
    expect(patched.json()).toMatchObject({ spec: { size: 6 } });
    expect((await workbench.raw({ method: 'DELETE', path: `${path}?dryRun=All` })).code).toBe(200);
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test.each([
    ['PUT', 'dryRun=All&dryRun=none', 'dryRun FieldValueNotSupported'],
    ['PATCH', 'dryRun=true', 'dryRun FieldValueNotSupported'],
    ['DELETE', 'dryRun=true', 'dryRun FieldValueNotSupported'],
    ['PATCH', 'force=true', 'force FieldValueForbidden'],
    ['PUT', 'fieldValidation=Loud', 'fieldValidation FieldValueNotSupported'],
  ])('a %s with %s is refused, and nothing is written', async (method, query, cause) => {
    const thing = await workbench.made();
    const sent = { ...thing, spec: { size: 7 } };
    const body = method === 'DELETE' ? undefined : method === 'PATCH' ? { spec: { size: 7 } } : sent;
    const path = `${workbench.path(thing.metadata.name)}?${query}`;
    const type = method === 'PATCH' ? MERGE : 'application/json';
    expect(refusal(await workbench.raw({ method, path, type, body }))).toEqual({
      ...{ code: 422, reason: 'Invalid', causes: [cause] },
    });
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test('a POST with an unknown dry run makes nothing', async () => {
    const body = workbench.thing();
    const reply = await workbench.raw({ method: 'POST', path: `${workbench.path()}?dryRun=true`, body });
    expect(refusal(reply)).toMatchObject({ code: 422, causes: ['dryRun FieldValueNotSupported'] });
    expect((await workbench.raw({ path: workbench.path(body.metadata.name) })).code).toBe(404);
  });
}
