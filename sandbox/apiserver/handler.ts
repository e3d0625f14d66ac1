import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ANSWERS, type Answer } from './answers.ts';
import type { Api } from './api.ts';
import { readBody } from './body.ts';
import { discovery } from './discovery.ts';
import { ApiFailure } from './failure.ts';
import type { TroublePlan, Trouble } from './troubles.ts';
import { idOf } from './kind.ts';
import { revisionOf } from './lists.ts';
import { send, sendFailure, sendJson } from './replies.ts';
import { type ApiRequest, apiRequest, selected, storedKind } from './requests.ts';
import { beginsWithAll } from './options.ts';
import { isTrue, NoSuchPath, type Route, routeOf } from './route.ts';
import { chooseView } from './view-choice.ts';
import type { View } from './views.ts';
import { type Stream, streamWatch } from './watch-stream.ts';

export interface HandlerDeps {
  readonly api: Api;
  readonly plan: TroublePlan;
  readonly bookmarkMs: number;
  /** Ms since 1970. */
  readonly now: () => number;
  /** Ends waits when the server closes. */
  readonly closing: AbortSignal;
  /** Told of every request on objects. */
  readonly onRequest: (route: Route) => void;
}

/** Answers one request, whatever it is. Never rejects. */
export async function handle(deps: HandlerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://server');
    const bytes = await readBody(request);
    const found = request.method === 'GET' ? discovery(deps.api.registry, url.pathname) : undefined;
    if (found !== undefined) {
      if (typeof found === 'string') send(response, 200, found, 'text/plain; charset=utf-8');
      else sendJson(response, 200, found);
      return;
    }
    const route = routeOf(request.method ?? '', url.pathname, url.searchParams, deps.api.registry);
    deps.onRequest(route);
    await answer(deps, request, response, apiRequest(request, route, url.searchParams, bytes));
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy();
    else if (error instanceof NoSuchPath) send(response, 404, '404 page not found\n', 'text/plain; charset=utf-8');
    else sendFailure(response, error);
  }
}

async function answer(
  deps: HandlerDeps,
  raw: IncomingMessage,
  response: ServerResponse,
  request: ApiRequest,
): Promise<void> {
  const { route } = request;
  const { plan, api } = deps;
  const ms = plan.delayFor(route);
  if (ms > 0) await delay(ms, undefined, { signal: deps.closing });
  const trouble = plan.troubleFor(route);
  if (trouble !== undefined && trouble !== 'lost' && inTrouble(trouble, response)) return;

  const view = chooseView(route.kind, raw.headers.accept ?? '', deps.now);
  if (route.verb === 'watch') {
    streamWatch(response, streamOf(deps, request, view));
    return;
  }
  const result = ANSWERS[route.verb](api, request, view);
  if (trouble === 'lost') response.socket?.resetAndDestroy();
  else reply(response, result);
}

function streamOf({ api, plan, bookmarkMs }: HandlerDeps, request: ApiRequest, view: View): Stream {
  const { route, query } = request;
  const version = query.get('resourceVersion') ?? '';
  const initial = beginsWithAll(query);
  const after = version === '' ? api.store.revision() : revisionOf(version);
  return {
    route,
    view,
    plan,
    bookmarkMs,
    start: {
      collection: api.store.collection(idOf(storedKind(api, route.kind))),
      selection: selected(request),
      after: initial ? undefined : after,
    },
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeoutMs: timeoutOf(query),
    revision: () => api.store.revision(),
  };
}

function reply(response: ServerResponse, { code, body, warnings = [] }: Answer): void {
  if (warnings.length > 0)
    response.setHeader(
      'warning',
      warnings.map((text) => `299 - ${JSON.stringify(text)}`),
    );
  send(response, code, body);
}

/** Whether the trouble has taken the place of an answer. */
function inTrouble(trouble: Exclude<Trouble, 'lost'>, response: ServerResponse): true {
  if (trouble === 'hang') return true;
  if (trouble === 'reset') {
    response.socket?.resetAndDestroy();
    return true;
  }
  const { code, reason = REASONS[code] ?? '', message = `injected ${code}`, retryAfterSeconds } = trouble;
  throw new ApiFailure(code, reason, message, retryAfterSeconds === undefined ? undefined : { retryAfterSeconds });
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** In ms. A real server chooses between 30 and 60 minutes when it is not told. */
function timeoutOf(query: URLSearchParams): number {
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  return (seconds > 0 ? seconds : 1800) * 1000;
}
