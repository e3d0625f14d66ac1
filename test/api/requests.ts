import { expect, test } from 'vitest';
import { type Workbench, refusal } from './workbench.ts';

export function requests(workbench: Workbench): void {
  test.each([
    ['half of an object', '{"apiVersion":', 400],
    ['a list', '[]', 400],
    ['nothing', '', 400],
    ['an object without a kind', { metadata: { name: 'x' } }, 400],
    ['another version', { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' } }, 400],
  ])('%s as a body is refused', async (_, body, code) => {
    const reply = await workbench.raw({ method: 'POST', path: workbench.path(), body });
    expect([reply.code, reply.json<{ kind: string }>().kind]).toEqual([code, 'Status']);
  });

  test('another kind as a body is refused', async () => {
    const body = { ...workbench.thing(), kind: 'Other' };
    expect(refusal(await workbench.raw({ method: 'POST', path: workbench.path(), body }))).toMatchObject({
      code: 422,
      causes: ['kind FieldValueInvalid'],
    });
  });

  test.each([
    ['name', { name: 'another' }],
    ['namespace', { namespace: 'another' }],
    ['missing name', { name: '' }],
  ])('a body with another %s than the URL is refused', async (_, metadata) => {
    const thing = await workbench.made();
    const body = { ...thing, metadata: { ...thing.metadata, ...metadata } };
    const reply = await workbench.raw({ method: 'PUT', path: workbench.path(thing.metadata.name), body });
    expect(refusal(reply)).toMatchObject({ code: 400, reason: 'BadRequest' });
  });

  test('a body of an unknown type is refused, YAML is not', async () => {
    const refused = await workbench.raw({ method: 'POST', path: workbench.path(), type: 'text/plain', body: '{}' });
    expect(refusal(refused)).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
    const yaml = `apiVersion: ${workbench.things.group}/v1\nkind: Thing\nmetadata: {name: ${workbench.name()}}\n`;
    const made = await workbench.raw({ method: 'POST', path: workbench.path(), type: 'application/yaml', body: yaml });
    expect(made.code).toBe(201);
  });

  test('a body beyond three megabytes is refused', async () => {
    const body = workbench.thing({ anything: { much: 'x'.repeat(3 * 1024 * 1024) } });
    const reply = await workbench.raw({ method: 'POST', path: workbench.path(), body });
    expect(refusal(reply)).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
  });

  test('a type that cannot be sent is not acceptable', async () => {
    const reply = await workbench.raw({ path: workbench.path(), accept: 'text/html' });
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
    expect((await workbench.raw({ path: path.replace('GROUP', workbench.things.group) })).code).toBe(404);
  });

  test('methods that a path has not are refused', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: workbench.namespace } };
    const everywhere = await workbench.raw({ method: 'POST', path: '/api/v1/configmaps', body });
    expect(refusal(everywhere)).toMatchObject({ code: 405, reason: 'MethodNotAllowed' });
    const path = `/api/v1/namespaces/${workbench.namespace}/configmaps`;
    expect((await workbench.raw({ method: 'PUT', path, body })).code).toBe(405);
    expect((await workbench.raw({ path: `/api/v1/namespaces/${workbench.namespace}/pods/x/binding` })).code).toBe(405);
  });

  test('what is served is told', async () => {
    const { group } = workbench.things;
    const groups = (await workbench.raw({ path: '/apis' })).json<{ groups: { name: string }[] }>().groups;
    expect(groups.map(({ name }) => name)).toEqual(expect.arrayContaining([group, 'storage.k8s.io', 'apps']));
    const { resources } = (await workbench.raw({ path: `/apis/${group}/v1` })).json<{ resources: object[] }>();
    expect(resources).toEqual([
      expect.objectContaining({
        name: 'things',
        kind: 'Thing',
        namespaced: true,
        verbs: expect.arrayContaining(['list', 'watch']) as unknown,
      }),
      expect.objectContaining({ name: 'things/status', kind: 'Thing' }),
    ]);
    expect((await workbench.raw({ path: '/version' })).json()).toHaveProperty('gitVersion');
    expect((await workbench.raw({ path: '/readyz' })).text).toBe('ok');
  });
}
