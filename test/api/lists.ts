import { beforeAll, expect, test } from 'vitest';
import type { ListOptions } from '../../src/kube/client.ts';
import { type Workbench, keyOf, refusal } from './workbench.ts';

export function lists(workbench: Workbench): void {
  let set = '';
  beforeAll(async () => {
    set = workbench.name();
    const labels = [
      { tier: 'a', disk: 'ssd', rank: '9' },
      { tier: 'b', disk: 'hdd', rank: '10' },
      { tier: 'c', rank: 'x' },
      {},
    ];
    for (const [i, own] of labels.entries()) await workbench.made({}, { name: `${set}-${i}`, labels: { set, ...own } });
  });
  const names = async (options: Partial<ListOptions>): Promise<string[]> => {
    const { items } = await workbench.client.list(
      workbench.things,
      { namespace: workbench.namespace, ...options },
      workbench.signal,
    );
    return items.map(({ metadata }) => (metadata.name ?? '').slice(set.length + 1));
  };

  test.each([
    ['tier=a', ['0']],
    ['tier==a', ['0']],
    ['tier!=a', ['1', '2', '3']],
    ['tier in (a,b)', ['0', '1']],
    ['tier in (a, b),disk=hdd', ['1']],
    ['tier notin (a,b)', ['2', '3']],
    ['disk', ['0', '1']],
    ['!disk', ['2', '3']],
    ['tier,!disk', ['2']],
    ['tier=', []],
    ['constructor', []],
    ['constructor notin (a)', ['0', '1', '2', '3']],
    ['rank>9', ['1']],
    ['rank<10', ['0']],
    ['rank>0', ['0', '1']],
    ['', ['0', '1', '2', '3']],
  ])('the label selector %j selects', async (selector, expected) => {
    expect(await names({ labelSelector: `set=${set}${selector === '' ? '' : `,${selector}`}` })).toEqual(expected);
  });

  test.each([
    ['metadata.name=NAME', ['1']],
    ['metadata.name==NAME', ['1']],
    ['metadata.name!=NAME', ['0', '2', '3']],
    ['metadata.name=NAME,metadata.namespace=elsewhere', []],
  ])('the field selector %j selects', async (selector, expected) => {
    const fieldSelector = selector.replace('NAME', `${set}-1`);
    expect(await names({ labelSelector: `set=${set}`, fieldSelector })).toEqual(expected);
  });

  test.each([
    ['labelSelector', 'a b'],
    ['labelSelector', 'a in b'],
    ['labelSelector', 'a in (b'],
    ['labelSelector', 'a=b c'],
    ['labelSelector', '=b'],
    ['labelSelector', '-a'],
    ['labelSelector', 'a>b'],
    ['fieldSelector', 'spec.size=5'],
    ['fieldSelector', 'metadata.name'],
    ['fieldSelector', 'metadata.labels=x'],
    ['continue', 'nonsense'],
    ['limit', 'many'],
    ['resourceVersion', 'abc'],
  ])('a list with %s=%j is refused', async (parameter, value) => {
    const reply = await workbench.raw({
      path: `${workbench.path()}?${new URLSearchParams({ [parameter]: value }).toString()}`,
    });
    expect([reply.code, reply.json<{ reason: string }>().reason]).toEqual([400, 'BadRequest']);
  });

  test.each([
    ['resourceVersionMatch=Exact', 'FieldValueForbidden'],
    ['resourceVersion=1&resourceVersionMatch=Newest', 'FieldValueNotSupported'],
    ['resourceVersion=0&resourceVersionMatch=Exact', 'FieldValueForbidden'],
    ['resourceVersion=1&resourceVersionMatch=Exact&continue=x', 'FieldValueForbidden'],
  ])('a list with %s contradicts itself', async (query, reason) => {
    const reply = await workbench.raw({ path: `${workbench.path()}?${query}` });
    expect(refusal(reply)).toMatchObject({ code: 422, causes: [`resourceVersionMatch ${reason}`] });
  });

  test('a list cannot ask for initial events', async () => {
    const reply = await workbench.raw({ path: `${workbench.path()}?sendInitialEvents=true` });
    expect(refusal(reply)).toMatchObject({ code: 422, causes: ['sendInitialEvents FieldValueForbidden'] });
  });

  test('pages together are the whole list, of one moment', async () => {
    const { client, things, signal, namespace } = workbench;
    const select = { namespace, labelSelector: `set=${set}` };
    const all = await client.list(things, select, signal);
    const first = await client.list(things, { ...select, limit: 3 }, signal);
    expect(first.items).toEqual(all.items.slice(0, 3));

    // A change between two pages is not visible on the second.
    const extra = await workbench.made({}, { name: `${set}-9`, labels: { set } });
    await client.patch(
      things,
      { name: `${set}-3`, namespace },
      { type: 'merge', body: { spec: { size: 50 } } },
      signal,
    );
    const second = await client.list(things, { ...select, limit: 3, continue: first.continue ?? '' }, signal);
    expect(second.items).toEqual(all.items.slice(3));
    expect(second.continue ?? '').toBe('');
    expect(second.resourceVersion).toBe(first.resourceVersion);

    await client.delete(things, keyOf(extra), signal);
    await client
      .patch(
        things,
        { name: `${set}-3`, namespace },
        { type: 'json', body: [{ op: 'remove', path: '/metadata/labels/none' }] },
        signal,
      )
      .catch(() => {});
  });

  test('a page tells how many are left, unless a selector hides it', async () => {
    const plain = (await workbench.raw({ path: `${workbench.path()}?limit=1` })).json<{
      metadata: Record<string, unknown>;
    }>();
    expect(plain.metadata['remainingItemCount']).toBeGreaterThanOrEqual(3);
    const selected = await workbench.raw({ path: `${workbench.path()}?limit=1&labelSelector=set%3D${set}` });
    expect(selected.json<{ metadata: object }>().metadata).not.toHaveProperty('remainingItemCount');
    expect(selected.json()).toMatchObject({ metadata: { continue: expect.stringMatching(/.+/) } });
  });

  test('a list can show an earlier moment', async () => {
    const { client, things, signal, namespace } = workbench;
    const thing = await workbench.made({ size: 5 });
    await client.patch(things, keyOf(thing), { type: 'merge', body: { spec: { size: 6 } } }, signal);
    const query = new URLSearchParams({
      resourceVersion: thing.metadata.resourceVersion ?? '',
      resourceVersionMatch: 'Exact',
      fieldSelector: `metadata.name=${thing.metadata.name},metadata.namespace=${namespace}`,
    });
    const then = await workbench.raw({ path: `${workbench.path()}?${query.toString()}` });
    expect(then.json()).toMatchObject({
      metadata: { resourceVersion: thing.metadata.resourceVersion },
      items: [{ spec: { size: 5 } }],
    });
  });

  test('a revision that is yet to come is told so', async () => {
    const reply = await workbench.raw({ path: `${workbench.path()}?resourceVersion=999999999999` });
    expect(reply.code).toBe(504);
    expect(reply.json()).toMatchObject({ reason: 'Timeout', details: { retryAfterSeconds: 1 } });
  });

  test('a list without a namespace has every namespace’s', async () => {
    const { client, things, signal } = workbench;
    const { items } = await client.list(things, { labelSelector: `set=${set}` }, signal);
    expect(items).toHaveLength(4);
  });

  test('items of built-in kinds carry no kind, those of custom kinds do', async () => {
    const maps = await workbench.raw({ path: `/api/v1/namespaces/${workbench.namespace}/serviceaccounts` });
    expect(maps.json<{ kind: string; items: object[] }>().kind).toBe('ServiceAccountList');
    expect(maps.json<{ items: object[] }>().items[0]).not.toHaveProperty('kind');
    const things = await workbench.raw({ path: `${workbench.path()}?limit=1` });
    expect(things.json()).toMatchObject({ kind: 'ThingList', items: [{ kind: 'Thing' }] });
  });

  test('a table has the definition’s columns', async () => {
    const thing = await workbench.made({ size: 7 });
    const status = { conditions: [{ type: 'Ready', status: 'True' as const }] };
    await workbench.client.update(workbench.things, { ...thing, status }, workbench.signal, 'status');
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const reply = await workbench.raw({ path: workbench.path(thing.metadata.name), accept });
    expect(reply.json()).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      columnDefinitions: [{ name: 'Name' }, { name: 'Size' }, { name: 'Ready' }],
      rows: [{ cells: [thing.metadata.name, 7, 'True'], object: { kind: 'PartialObjectMetadata' } }],
    });
  });

  test('only the metadata can be asked for', async () => {
    const thing = await workbench.made({}, { labels: { only: 'meta' } });
    const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
    const reply = await workbench.raw({ path: workbench.path(thing.metadata.name), accept });
    expect(reply.json()).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { labels: { only: 'meta' } } });
    expect(reply.json()).not.toHaveProperty('spec');
  });
}
