import { expect, test } from 'vitest';
import { LOCAL_VOLUMES, NODE_LOCAL_STORAGES } from '../../src/kube/resource.ts';
import { type Workbench, DEFINITIONS, keyOf, refusal } from './workbench.ts';

const MERGE = 'application/merge-patch+json';
const DEFAULTS = { size: 5, color: 'red', given: { flag: true } };

export function schemas(workbench: Workbench): void {
  test.each([
    [{ even: 3 }, ['spec FieldValueInvalid']],
    [{ size: 'x' }, ['spec.size FieldValueTypeInvalid']],
    [{ size: 1.5 }, ['spec.size FieldValueTypeInvalid']],
    [{ size: 0 }, ['spec.size FieldValueInvalid']],
    [{ size: 9_000_000_000_001 }, ['spec.size FieldValueInvalid']],
    [{ small: 3_000_000_000 }, []],
    [{ ratio: 0.7 }, ['spec.ratio FieldValueInvalid']],
    [{ ratio: 0 }, ['spec.ratio FieldValueInvalid']],
    [{ ratio: 'x' }, ['spec.ratio FieldValueTypeInvalid']],
    [{ name: 'a' }, ['spec.name FieldValueInvalid']],
    [{ name: 'abcdef' }, ['spec.name FieldValueTooLong']],
    [{ name: 'ABC' }, ['spec.name FieldValueInvalid']],
    [{ fixed: '😀'.repeat(21) }, ['spec.fixed FieldValueTooLong']],
    [{ even: 3, color: 'blue' }, ['spec.color FieldValueNotSupported']],
    [{ even: 3, name: 'ABC' }, ['spec FieldValueInvalid', 'spec.name FieldValueInvalid']],
    [{ when: 'yesterday' }, ['spec.when FieldValueTypeInvalid']],
    [{ color: 'blue' }, ['spec.color FieldValueNotSupported']],
    [{ port: 1.5 }, ['spec.port FieldValueTypeInvalid']],
    [{ port: true }, ['spec.port FieldValueTypeInvalid']],
    [{ tags: ['a', 'a'] }, ['spec.tags[1] FieldValueDuplicate']],
    [{ tags: ['a', 'b', 'c', 'd'] }, ['spec.tags FieldValueTooMany']],
    [{ tags: 'a' }, ['spec.tags FieldValueTypeInvalid']],
    [{ tags: [1] }, ['spec.tags[0] FieldValueTypeInvalid']],
    [{ counts: { a: 1, b: 2, c: 3 } }, ['spec.counts FieldValueTooMany']],
    [{ counts: { a: 'x' } }, ['spec.counts.a FieldValueTypeInvalid']],
    [{ rules: [{ key: 'a' }, { key: 'a' }] }, ['spec.rules[1] FieldValueDuplicate']],
    [{ rules: [{ value: 'a' }] }, ['spec.rules[0].key FieldValueRequired']],
    [{ rules: [null] }, ['spec.rules[0] FieldValueTypeInvalid']],
    [{ nested: [] }, ['spec.nested FieldValueTypeInvalid']],
    [{ either: { a: 'x', b: 'y' } }, []],
    [
      { name: 'A', color: 'blue', size: 0 },
      ['spec.color FieldValueNotSupported', 'spec.name FieldValueInvalid', 'spec.size FieldValueInvalid'],
    ],
  ])('%j is refused', async (spec, causes) => {
    const reply = await workbench.raw({ method: 'POST', path: workbench.path(), body: workbench.thing(spec) });
    expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes });
  });

  test.each([
    [{}, {}],
    [{ size: 9_000_000_000_000 }, { size: 9_000_000_000_000 }],
    [{ size: null }, {}],
    [{ name: null }, {}],
    [{ maybe: null }, { maybe: null }],
    [{ when: '2026-01-01T00:00:00.123456Z' }, { when: '2026-01-01T00:00:00.123456Z' }],
    [{ port: 'http' }, { port: 'http' }],
    [{ port: 80 }, { port: 80 }],
    [{ zzz: { a: 1 } }, {}],
    [{ anything: { x: [1, { y: null }] } }, { anything: { x: [1, { y: null }] } }],
    [{ rules: [{ key: 'a', zzz: 1 }] }, { rules: [{ key: 'a', mode: 'soft' }] }],
    [{ nested: {} }, { nested: { flag: true } }],
    [{ given: { flag: false } }, { given: { flag: false } }],
    [
      { name: 'abcde', fixed: '😀'.repeat(20) },
      { name: 'abcde', fixed: '😀'.repeat(20) },
    ],
    [{ either: { a: 'x' } }, { either: { a: 'x' } }],
    [{ counts: { a: 1, b: 2 } }, { counts: { a: 1, b: 2 } }],
  ])('%j becomes the defaults and %j', async (spec, kept) => {
    expect((await workbench.made(spec)).spec).toEqual({ ...DEFAULTS, ...kept });
  });

  test('what is wrong is told in words that name the field and what would do', async () => {
    const body = workbench.thing({ color: 'blue' });
    const reply = await workbench.raw({ method: 'POST', path: workbench.path(), body });
    const status = reply.json<{ message: string; details: Record<string, unknown> }>();
    expect(status.details).toMatchObject({ name: body.metadata.name, group: workbench.things.group, kind: 'Thing' });
    expect(status.details['causes']).toContainEqual({
      field: 'spec.color',
      reason: 'FieldValueNotSupported',
      message: 'Unsupported value: "blue": supported values: "red", "green"',
    });
    expect(status.message).toContain(`Thing.${workbench.things.group} "${body.metadata.name}" is invalid: `);
  });

  test('unknown fields are refused when that is asked for, and warned about otherwise', async () => {
    const path = `${workbench.path()}?fieldValidation=`;
    const body = workbench.thing({ zzz: 1 });
    const strict = await workbench.raw({ method: 'POST', path: `${path}Strict`, body });
    expect(strict.json()).toMatchObject({
      code: 400,
      message: expect.stringContaining('unknown field "spec.zzz"') as unknown,
    });
    const warned = await workbench.raw({ method: 'POST', path: `${path}Warn`, body });
    expect([warned.code, warned.headers['warning']]).toEqual([201, '299 - "unknown field \\"spec.zzz\\""']);
    const silent = await workbench.raw({ method: 'POST', path: `${path}Ignore`, body: workbench.thing({ zzz: 1 }) });
    expect([silent.code, silent.headers['warning']]).toEqual([201, undefined]);
  });

  test.each([
    ['shrinks', { size: 9 }, ['spec.size FieldValueForbidden']],
    ['loses a fixed field', { fixed: null }, ['spec FieldValueInvalid']],
    ['changes a fixed field', { fixed: 'other' }, ['spec FieldValueInvalid']],
    [
      'lowers the count of one item',
      { rules: [{ key: 'b' }, { key: 'a', count: 2 }] },
      ['spec.rules[1] FieldValueInvalid'],
    ],
  ])('a rule about the old value refuses what %s', async (_, spec, causes) => {
    const thing = await workbench.made({ size: 10, fixed: 'as-it-is', rules: [{ key: 'a', count: 3 }] });
    const path = workbench.path(thing.metadata.name);
    const reply = await workbench.raw({ method: 'PATCH', path, type: MERGE, body: { spec } });
    expect(refusal(reply)).toEqual({ code: 422, reason: 'Invalid', causes });
    expect(await workbench.client.get(workbench.things, keyOf(thing), workbench.signal)).toEqual(thing);
  });

  test('a rule about the old value lets pass what fits, and what is new', async () => {
    const thing = await workbench.made({ size: 10, rules: [{ key: 'a', count: 3 }] });
    const body = {
      spec: {
        size: 11,
        fixed: 'now',
        rules: [
          { key: 'b', count: 1 },
          { key: 'a', count: 3 },
        ],
      },
    };
    const grown = await workbench.client.patch(
      workbench.things,
      keyOf(thing),
      { type: 'merge', body },
      workbench.signal,
    );
    expect(grown.spec).toMatchObject({ size: 11, fixed: 'now' });
  });

  test('a message may be made by an expression', async () => {
    const thing = await workbench.made({ size: 10 });
    const path = workbench.path(thing.metadata.name);
    const reply = await workbench.raw({ method: 'PATCH', path, type: MERGE, body: { spec: { size: 9 } } });
    expect(reply.json()).toMatchObject({ details: { causes: [{ message: 'Forbidden: size may only grow' }] } });
  });

  test('the status is checked too', async () => {
    const thing = await workbench.made();
    const path = `${workbench.path(thing.metadata.name)}/status`;
    const twice = ['True', 'False'].map((status) => ({ type: 'Ready', status }));
    const body = { status: { phase: 'Huge', conditions: twice } };
    expect(refusal(await workbench.raw({ method: 'PATCH', path, type: MERGE, body }))).toEqual({
      code: 422,
      reason: 'Invalid',
      causes: ['status.conditions[1] FieldValueDuplicate', 'status.phase FieldValueNotSupported'],
    });
  });

  const volume = (spec: object) => ({
    apiVersion: 'csi.aliyun.com/v1alpha1',
    kind: 'LocalVolume',
    metadata: { name: workbench.name() },
    spec: { nodeName: 'n', kind: 'LVM', vgName: 'vg', sizeBytes: 2 ** 52, role: 'Volume', ...spec },
  });

  test.each([
    [{ vgName: undefined }, ['spec FieldValueInvalid']],
    [{ path: '/dev/x' }, ['spec FieldValueInvalid']],
    [{ source: { volume: 'a', snapshot: 'b' } }, ['spec.source FieldValueInvalid']],
    [{ sizeBytes: 0 }, ['spec.sizeBytes FieldValueInvalid']],
    [{ role: 'Other' }, ['spec.role FieldValueNotSupported']],
  ])('a LocalVolume with %j is refused', async (spec, causes) => {
    const path = '/apis/csi.aliyun.com/v1alpha1/localvolumes';
    expect(refusal(await workbench.raw({ method: 'POST', path, body: volume(spec) }))).toEqual({
      code: 422,
      reason: 'Invalid',
      causes,
    });
  });

  test('a LocalVolume may grow and get limits; nothing else of it changes', async () => {
    const { client, signal } = workbench;
    const claim = { namespace: 'default', name: 'c', uid: 'u' };
    const made = await client.create(LOCAL_VOLUMES, volume({ claim, source: { volume: 'a' } }) as never, signal);
    const key = keyOf(made);
    const patch = (spec: object) => client.patch(LOCAL_VOLUMES, key, { type: 'merge', body: { spec } }, signal);
    try {
      const grown = await patch({ sizeBytes: 2 ** 52 + 1, limits: { readBps: 1000 } });
      expect(grown.spec).toMatchObject({ sizeBytes: 2 ** 52 + 1, limits: { readBps: 1000 }, claim });
      const changes = [
        { sizeBytes: 2 ** 52 },
        { nodeName: 'm' },
        { kind: 'Device', vgName: null, path: '/dev/x' },
        { vgName: 'other' },
        { role: 'Snapshot' },
        { claim: { ...claim, uid: 'v' } },
        { claim: null },
        { source: null },
        { fsType: 'xfs' },
        { request: { name: 'r' } },
      ];
      for (const change of changes) await expect(patch(change)).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
      expect(await client.get(LOCAL_VOLUMES, key, signal)).toEqual(grown);
    } finally {
      await client.delete(LOCAL_VOLUMES, key, signal);
    }
  });

  test('a NodeLocalStorage keeps its status apart', async () => {
    const { client, signal } = workbench;
    const name = workbench.name();
    const made = await client.create(NODE_LOCAL_STORAGES, { metadata: { name }, spec: { nodeName: name } }, signal);
    try {
      const status = { filteredStorageInfo: { volumeGroups: ['a'] } };
      const next = await client.update(NODE_LOCAL_STORAGES, { ...made, status }, signal, 'status');
      expect(next).toMatchObject({ spec: { nodeName: name }, status });
    } finally {
      await client.delete(NODE_LOCAL_STORAGES, { name }, signal);
    }
  });

  test('a definition tells when it is established', async () => {
    const { client, signal } = workbench;
    const definition = await client.get(DEFINITIONS, { name: `things.${workbench.things.group}` }, signal);
    expect(definition).toMatchObject({
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Established', status: 'True' }),
        ]) as unknown,
      },
    });
  });
}
