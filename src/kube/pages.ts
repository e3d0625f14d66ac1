import type { KubeObject } from '../model/objects.ts';
import type { KubeClient, ListOptions } from './client.ts';
import type { Resource } from './resource.ts';

const PAGE = 500;

/**
 * The objects of a kind, 500 at a time. Throws what `list` throws; 410 too, where they changed too much while they were
 * read.
 */
export async function* pagesOf<T extends KubeObject>(
  client: Pick<KubeClient, 'list'>,
  resource: Resource<T>,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly T[], void, undefined> {
  let page = await client.list(resource, { ...options, limit: PAGE }, signal);
  yield page.items;
  while (page.continue !== undefined) {
    page = await client.list(resource, { ...options, limit: PAGE, continue: page.continue }, signal);
    yield page.items;
  }
}
