import { listAskOf, pageOf, searchOf } from './asking.ts';
import { supposedClaims } from './claims-asked.ts';
import { Denied } from './denied.ts';
import type { Visitor } from './gate.ts';
import { mustSee, RIGHTS, seesOf } from './rights.ts';
import type { PageSource } from './source.ts';

/** One call of the API, of somebody who was let in. */
export interface Call {
  readonly source: PageSource;
  readonly visitor: Visitor;
  /** Parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted when whoever asked has gone. */
  readonly signal: AbortSignal;
}

export type Handler = (call: Call) => Promise<object>;

/** What is read, by path. Each handler throws Denied for what may not be seen or is not there. */
export const ROUTES: Readonly<Record<string, Handler>> = {
  '/api/me': async ({ visitor }) => ({ user: visitor.name, sees: await seesOf(visitor) }),
  '/api/overview': async ({ source, visitor, signal }) => source.overview(await seesOf(visitor), signal),
  '/api/nodes': async ({ source, visitor, query, signal }) => {
    await mustSee(visitor, 'nodes');
    const ask = listAskOf('nodes', query, signal);
    return pageOf(await source.nodes(ask), 'nodes', ask);
  },
  '/api/nodes/:node': async ({ source, visitor, params: { node = '' } }) => {
    await mustSee(visitor, 'nodes');
    return found(source.node(node, { volumes: await visitor.may(RIGHTS.volumes) }), `node ${node} has no storage here`);
  },
  '/api/volumes': async ({ source, visitor, query, signal }) => {
    await mustSee(visitor, 'volumes');
    const [node, place] = [query.get('node') ?? '', query.get('place') ?? ''];
    const ask = listAskOf('volumes', query, signal, node, place);
    const sees = { nodes: await visitor.may(RIGHTS.nodes) };
    const of = { sees, ...(node !== '' && { node, ...(place !== '' && { place }) }) };
    return pageOf(await source.volumes(ask, of), 'volumes', ask, node, place);
  },
  '/api/pods': async ({ source, visitor, query, signal }) => {
    const namespace = query.get('namespace') || undefined;
    await mustSee(visitor, 'pods', namespace);
    const ask = listAskOf('pods', query, signal, namespace ?? '');
    return pageOf(await source.pods(ask, namespace), 'pods', ask, namespace ?? '');
  },
  '/api/pods/:namespace/:name': async (call) => {
    const { namespace = '', name = '' } = call.params;
    await mustSee(call.visitor, 'pods', namespace);
    const verdict = await call.source.pod({ namespace, name }, await verdictAskOf(call));
    return found(verdict, `pod ${namespace}/${name} does not wait: it is not there, or has its node`);
  },
  '/api/classes': async ({ source, visitor }) => {
    await mustSee(visitor, 'classes');
    return { classes: source.classes() };
  },
  '/api/what-if': async (call) => {
    await mustSee(call.visitor, 'nodes');
    return call.source.whatIf(supposedClaims(call.query.getAll('claim')), await verdictAskOf(call));
  },
};

const verdictAskOf = async ({ visitor, query, signal }: Call) => ({
  sees: { nodes: await visitor.may(RIGHTS.nodes) },
  search: searchOf(query, 'node'),
  signal,
});

function found<T extends object>(thing: T | undefined, message: string): T {
  if (thing) return thing;
  throw new Denied(404, message);
}
