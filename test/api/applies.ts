import { present } from '../../src/model/present.ts';
import { expect, test } from 'vitest';
import { type Workbench, keyOf, refusal, type Thing } from './workbench.ts';

export function applies(workbench: Workbench): void {
  interface Apply {
    readonly as: string;
    readonly spec?: Record<string, unknown>;
    readonly metadata?: object;
    readonly status?: object;
    readonly force?: boolean;
  }
  const body = (name: string, { spec, metadata, status }: Omit<Apply, 'as'>) => ({
    ...workbench.thing(undefined, { name }),
    metadata: { name, namespace: workbench.namespace, ...metadata },
    spec,
    ...present({ status }),
  });
  const apply = (name: string, { as, force = false, ...rest }: Apply, subresource?: 'status'): Promise<Thing> =>
    workbench.client.patch(
      workbench.things,
      { name, namespace: workbench.namespace },
      { type: 'apply', body: body(name, rest), fieldManager: as, force },
      workbench.signal,
      subresource,
    );
  const refused = async (name: string, { as, ...rest }: Apply, subresource = '') =>
    refusal(
      await workbench.raw({
        method: 'PATCH',
        path: `${workbench.path(name)}${subresource}?fieldManager=${as}`,
        type: 'application/apply-patch+yaml',
        body: body(name, rest),
      }),
    );
  test('an apply creates, with defaults', async () => {
    const name = workbench.name();
    const thing = await apply(name, { as: 'one', spec: { name: 'abc' }, metadata: { labels: { a: '1' } } });
    expect(thing).toMatchObject({
      metadata: { name, generation: 1, labels: { a: '1' } },
      spec: { name: 'abc', size: 5, color: 'red' },
    });
  });

  test('the same apply again changes nothing', async () => {
    const name = workbench.name();
    const same = {
      as: 'one',
      spec: { size: 6, tags: ['a'], counts: { x: 1 }, rules: [{ key: 'k', value: 'v' }], words: ['w'] },
      metadata: { labels: { a: '1' }, finalizers: ['try.open-local.test/hold'] },
    };
    const first = await apply(name, same);
    expect(await apply(name, same)).toEqual(first);
    await apply(name, { ...same, metadata: {} });
  });

  test('what is no longer applied is removed', async () => {
    const name = workbench.name();
    const metadata = { labels: { a: '1', b: '2' }, annotations: { x: 'y' }, finalizers: ['try.open-local.test/hold'] };
    const spec = { size: 6, name: 'abc', tags: ['a', 'b'], counts: { x: 1 }, rules: [{ key: 'k', value: 'v' }] };
    await apply(name, { as: 'one', spec, metadata });
    const less = await apply(name, {
      as: 'one',
      spec: { size: 6, tags: ['b'], rules: [{ key: 'k' }] },
      metadata: { labels: { a: '1' } },
    });
    expect(less.metadata.labels).toEqual({ a: '1' });
    expect(less.metadata).not.toHaveProperty('annotations');
    expect(less.metadata).not.toHaveProperty('finalizers');
    expect(less.spec).toEqual({
      size: 6,
      tags: ['b'],
      rules: [{ key: 'k', mode: 'soft' }],
      color: 'red',
      given: { flag: true },
    });
  });

  test('a list or map that loses its last member goes with it', async () => {
    const name = workbench.name();
    const spec = {
      tags: ['a'],
      counts: { x: 1 },
      rules: [{ key: 'k' }],
      nested: { flag: false },
      anything: { a: { b: 1 } },
    };
    await apply(name, { as: 'one', spec });
    expect((await apply(name, { as: 'one', spec: { size: 5 } })).spec).toEqual(DEFAULTS);
  });

  test('an item does not lose its key while somebody else has a field in it', async () => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { rules: [{ key: 'k', value: 'v' }] } });
    const type = 'application/json-patch+json';
    const add = [{ op: 'add', path: '/spec/rules/0/count', value: 1 }];
    await workbench.raw({ method: 'PATCH', path: `${workbench.path(name)}?fieldManager=writer`, type, body: add });
    expect(await refused(name, { as: 'one', spec: { size: 5 } })).toMatchObject({ code: 422, reason: 'Invalid' });
  });

  test('what another manager owns with another value is a conflict that names the field', async () => {
    const name = workbench.name();
    await apply(name, {
      as: 'one',
      spec: { size: 6, rules: [{ key: 'k', value: 'v' }] },
      metadata: { labels: { a: '1' } },
    });
    const other = { as: 'two', spec: { size: 7, rules: [{ key: 'k', value: 'w' }] }, metadata: { labels: { a: '2' } } };
    expect(await refused(name, other)).toEqual(
      conflict('.spec.size', '.spec.rules[key="k"].value', '.metadata.labels.a'),
    );
  });

  test('force takes the field over; its former owner then loses nothing by not applying it', async () => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { size: 6 } });
    expect((await apply(name, { as: 'two', spec: { size: 7 }, force: true })).spec).toMatchObject({ size: 7 });
    expect(await refused(name, { as: 'one', spec: { size: 9 } })).toEqual(conflict('.spec.size'));
    expect((await apply(name, { as: 'two', spec: { size: 8 } })).spec).toMatchObject({ size: 8 });
    expect((await apply(name, { as: 'one', spec: {} })).spec).toMatchObject({ size: 8 });
  });

  test('a field that two own with one value stays until both have dropped it', async () => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { name: 'abc' } });
    await apply(name, { as: 'two', spec: { name: 'abc' } });
    expect((await apply(name, { as: 'one', spec: {} })).spec).toMatchObject({ name: 'abc' });
    expect((await apply(name, { as: 'two', spec: {} })).spec).not.toHaveProperty('name');
  });

  test('what was written by an update is owned too', async () => {
    const name = workbench.name();
    const thing = await apply(name, { as: 'one', spec: { name: 'abc', color: 'red' } });
    const type = 'application/merge-patch+json';
    const change = { spec: { name: 'xyz' } };
    await workbench.raw({ method: 'PATCH', path: `${workbench.path(name)}?fieldManager=writer`, type, body: change });
    expect(await refused(name, { as: 'one', spec: { name: 'abc', color: 'red' } })).toEqual(conflict('.spec.name'));
    const twice = apply(name, { as: 'two', spec: { name: 'other' } });
    await expect(twice).rejects.toThrow(/Apply failed with 1 conflict: conflict with "writer"/);
    // The field is no longer applied but has another owner: it stays.
    expect((await apply(name, { as: 'one', spec: { color: 'red' } })).spec).toMatchObject({ name: 'xyz' });
    await workbench.client.delete(workbench.things, keyOf(thing), workbench.signal);
  });

  test('what was removed by an update is nobody’s', async () => {
    const name = workbench.name();
    const thing = await apply(name, { as: 'one', spec: { name: 'abc' } });
    await workbench.client.patch(
      workbench.things,
      keyOf(thing),
      { type: 'merge', body: { spec: { name: null } } },
      workbench.signal,
    );
    expect((await apply(name, { as: 'two', spec: { name: 'xyz' } })).spec).toMatchObject({ name: 'xyz' });
  });

  test('items of a keyed list and members of a set come from many managers', async () => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { rules: [{ key: 'a', value: '1' }], tags: ['x'] } });
    const both = await apply(name, { as: 'two', spec: { rules: [{ key: 'b', value: '2' }], tags: ['y'] } });
    expect(both.spec).toMatchObject({
      rules: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
      tags: ['x', 'y'],
    });
    const rest = await apply(name, { as: 'one', spec: {} });
    expect(rest.spec).toMatchObject({ rules: [{ key: 'b', value: '2' }], tags: ['y'] });
  });

  test('plain lists and atomic maps are owned as one', async () => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { words: ['a'], pair: { a: '1' } } });
    expect(await refused(name, { as: 'two', spec: { words: ['b'] } })).toEqual(conflict('.spec.words'));
    expect(await refused(name, { as: 'two', spec: { pair: { b: '2' } } })).toEqual(conflict('.spec.pair'));
    expect((await apply(name, { as: 'two', spec: { pair: { b: '2' } }, force: true })).spec).toMatchObject({
      pair: { b: '2' },
    });
  });

  test('the status is applied apart from the rest', async () => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { size: 6 } });
    const ready = [{ type: 'Ready', status: 'True' }];
    expect(await apply(name, { as: 'one', spec: { size: 6 }, status: { phase: 'Big' } })).not.toHaveProperty('status');
    const first = await apply(
      name,
      { as: 'one', spec: { size: 99 }, status: { phase: 'Big', conditions: ready } },
      'status',
    );
    expect(first).toMatchObject({ spec: { size: 6 }, status: { phase: 'Big', conditions: ready } });
    expect(await apply(name, { as: 'one', spec: { size: 6 } })).toEqual(first);
    const full = [{ type: 'Full', status: 'False' }];
    const second = await apply(name, { as: 'two', status: { conditions: full } }, 'status');
    expect(second.status).toEqual({ phase: 'Big', conditions: [...ready, ...full] });
    const wrong = { phase: 'Small', conditions: [{ type: 'Ready', status: 'False' }] };
    expect(await refused(name, { as: 'two', status: wrong }, '/status')).toEqual(
      conflict('.status.phase', '.status.conditions[type="Ready"].status'),
    );
    expect((await apply(name, { as: 'one', status: {} }, 'status')).status).toEqual({ conditions: full });
  });

  test('the status of what is not there cannot be applied', async () => {
    expect(await refused(workbench.name(), { as: 'one', status: {} }, '/status')).toMatchObject({ code: 404 });
  });

  test('an apply may name the version it is for', async () => {
    const name = workbench.name();
    const { resourceVersion } = (await apply(name, { as: 'one', spec: { size: 6 } })).metadata;
    const next = { as: 'one', spec: { size: 7 }, metadata: { resourceVersion } };
    await apply(name, next);
    expect(await refused(name, { ...next, spec: { size: 8 } })).toEqual({ code: 409, reason: 'Conflict', causes: [] });
  });

  test.each([
    ['a value out of range', { size: 0 }, 422],
    ['an unknown field', { zzz: 1 }, 500],
    ['a value of another type', { name: 7 }, 500],
    ['a key twice', { rules: [{ key: 'a' }, { key: 'a' }] }, 500],
  ])('%s is refused', async (_, spec, code) => {
    const name = workbench.name();
    await apply(name, { as: 'one', spec: { fixed: 'f' } });
    expect(await refused(name, { as: 'one', spec })).toMatchObject({ code });
  });

  test('an apply without a manager is refused', async () => {
    const name = workbench.name();
    const type = 'application/apply-patch+yaml';
    const reply = await workbench.raw({
      method: 'PATCH',
      path: workbench.path(name),
      type,
      body: body(name, { spec: {} }),
    });
    expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes: ['fieldManager FieldValueRequired'] });
  });

  test('an apply may be YAML; it needs to name only what it makes', async () => {
    const name = workbench.name();
    const head = `apiVersion: ${workbench.things.group}/v1\nkind: Thing\n`;
    const send = (text: string) =>
      workbench.raw({
        method: 'PATCH',
        path: `${workbench.path(name)}?fieldManager=one`,
        type: 'application/apply-patch+yaml',
        body: head + text,
      });
    expect((await send('spec: {name: abc}\n')).code).toBe(400);
    const made = await send(`metadata: {name: ${name}}\nspec: {name: abc}\n`);
    expect([made.code, made.json<Thing>().spec?.['name']]).toEqual([201, 'abc']);
    const changed = await send('spec: {name: xyz}\n');
    expect([changed.code, changed.json<Thing>().spec?.['name']]).toEqual([200, 'xyz']);
  });
}

const DEFAULTS = { size: 5, color: 'red', given: { flag: true } };

const conflict = (...fields: string[]): ReturnType<typeof refusal> => ({
  code: 409,
  reason: 'Conflict',
  causes: fields.map((field) => `${field} FieldManagerConflict`).toSorted(),
});
