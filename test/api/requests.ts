import { expect, test } from 'vitest';
import { type Bench, refusal } from './workbench.ts';

export function requests(bench: Bench): void {
  test.each([
    ['half of an object', '{"apiVersion":', 400],
    ['a list', '[]', 400],
    ['nothing', '', 400],
    ['an object without a kind', { metadata: { name: 'x' } }, 400],
    ['another version', { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' } }, 400],
  ])('%s as a body is refused', async (_, body, code) => {
    const reply = await bench.raw({ method: 'POST', path: bench.path(), body });
    expect([reply.code, reply.json<{ kind: string }>().kind]).toEqual([code, 'Status']);
  });

  test('another kind as a body is refused', async () => {
    const body = { ...bench.thing(), kind: 'Other' };
    expect(refusal(await bench.raw({ method: 'POST', path: bench.path(), body }))).toMatchObject({
      code: 422,
      causes: ['kind FieldValueInvalid'],
    });
  });

  test.each([
    ['name', { name: 'another' }],
    ['namespace', { namespace: 'another' }],
    ['missing name', { name: '' }],
  ])('a body with another %s than the URL is refused', async (_, metadata) => {
    const thing = await bench.made();
    const body = { ...thing, metadata: { ...thing.metadata, ...metadata } };
    const reply = await bench.raw({ method: 'PUT', path: bench.path(thing.metadata.name), body });
    expect(refusal(reply)).toMatchObject({ code: 400, reason: 'BadRequest' });
  });

  test('a body of an unknown type is refused, YAML is not', async () => {
    const refused = await bench.raw({ method: 'POST', path: bench.path(), type: 'text/plain', body: '{}' });
    expect(refusal(refused)).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
    const yaml = `apiVersion: ${bench.things.group}/v1\nkind: Thing\nmetadata: {name: ${bench.name()}}\n`;
    const made = await bench.raw({ method: 'POST', path: bench.path(), type: 'application/yaml', body: yaml });
    expect(made.code).toBe(201);
  });

  test('a body beyond three megabytes is refused', async () => {
    const body = bench.thing({ anything: { much: 'x'.repeat(3 * 1024 * 1024) } });
    const reply = await bench.raw({ method: 'POST', path: bench.path(), body });
    expect(refusal(reply)).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
  });

  test('a type that cannot be sent is not acceptable', async () => {
    const reply = await bench.raw({ path: bench.path(), accept: 'text/html' });
    expect(reply.code).toBe(406);
  });

  test.each([
    '/nope',
    '/apis/nope.invalid/v1/things',
    '/apis/GROUP/v1/others',
    '/apis/GROUP/v9/things',
    '/api/v1/others',
    '/api/v1/namespaces/default/nodes',
  ])('nothing is served under %s', async (path) => {
    expect((await bench.raw({ path: path.replace('GROUP', bench.things.group) })).code).toBe(404);
  });

  test('methods that a path has not are refused', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: bench.namespace } };
    const everywhere = await bench.raw({ method: 'POST', path: '/api/v1/configmaps', body });
    expect(refusal(everywhere)).toMatchObject({ code: 405, reason: 'MethodNotAllowed' });
    const path = `/api/v1/namespaces/${bench.namespace}/configmaps`;
    expect((await bench.raw({ method: 'PUT', path, body })).code).toBe(405);
    expect((await bench.raw({ path: `/api/v1/namespaces/${bench.namespace}/pods/x/binding` })).code).toBe(405);
  });

  test('what is served is told', async () => {
    const { group } = bench.things;
    const groups = (await bench.raw({ path: '/apis' })).json<{ groups: { name: string }[] }>().groups;
    expect(groups.map(({ name }) => name)).toEqual(expect.arrayContaining([group, 'storage.k8s.io', 'apps']));
    const { resources } = (await bench.raw({ path: `/apis/${group}/v1` })).json<{ resources: object[] }>();
    expect(resources).toEqual([
      expect.objectContaining({
        name: 'things',
        kind: 'Thing',
        namespaced: true,
        verbs: expect.arrayContaining(['list', 'watch']) as unknown,
      }),
      expect.objectContaining({ name: 'things/status', kind: 'Thing' }),
    ]);
    expect((await bench.raw({ path: '/version' })).json()).toHaveProperty('gitVersion');
    expect((await bench.raw({ path: '/readyz' })).text).toBe('ok');
  });
}
