import { expect, test } from 'vitest';
import type { ApiRequest } from './audit.ts';
import { refused, rightsOf, unused } from './rights.ts';

const request = (verb: string, resource: string, more: Partial<ApiRequest> = {}): ApiRequest => ({
  ...{ verb, resource, group: '', user: 'u', program: 'operator', namespace: 'default', name: 'x', code: 200 },
  ...more,
});
const role = {
  metadata: { name: 'operator' },
  rules: [
    { apiGroups: [''], resources: ['pods', 'pods/binding'], verbs: ['get', 'create'] },
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['ours'], verbs: ['get'] },
  ],
};

test('a right that no request needed is named; a request of another group, name or namespace needs another', () => {
  const requests = [
    request('get', 'pods'),
    request('create', 'pods', { group: 'apps' }),
    request('create', 'pods/binding'),
    request('get', 'secrets', { name: 'theirs' }),
  ];
  expect(unused(rightsOf(role), requests)).toEqual([
    'operator: create pods',
    'operator: get pods/binding',
    'operator: get secrets',
  ]);
  const here = { ...role, metadata: { name: 'operator', namespace: 'open-local' } };
  expect(unused(rightsOf(here), [request('get', 'pods')])).toContain('operator: get pods');
});

test('what was refused is named once', () => {
  const denied = request('patch', 'persistentvolumes', { code: 403 });
  expect(refused([denied, denied, request('get', 'pods', { code: 404 })])).toEqual([
    'operator: patch persistentvolumes',
  ]);
});
