import type { Api } from './api.ts';
import type { ObjectMeta } from '../../src/model/objects.ts';
import type { Json, Stored } from './json.ts';
import type { Kind } from './kind.ts';
import {
  type ApiRequest,
  deleteRequest,
  listQuery,
  optionsOf,
  selected,
  sentObject,
  sentPatch,
  storedKind,
  targetOf,
} from './requests.ts';
import type { Verb } from './route.ts';
import { patchScale, putScale, scaleOf } from './scale.ts';
import { requestToken } from './tokens.ts';
import type { Version } from './version.ts';
import type { View } from './views.ts';
import type { Written } from './target.ts';
import { bodyObject } from './write-checks.ts';

export interface Answer {
  readonly code: number;
  readonly body: Buffer;
  /** For the person who asked; sent as Warning headers. */
  readonly warnings?: readonly string[];
}

type Answerer = (api: Api, request: ApiRequest, view: View) => Answer;

/** What is answered to each verb but watch. All throw ApiFailure. */
export const ANSWERS: Readonly<Record<Exclude<Verb, 'watch'>, Answerer>> = {
  get(api, request, view) {
    const version = api.get(placeOf(api, request));
    return isScale(request) ? scaled(request, version) : { code: 200, body: view.one(version) };
  },
  list: (api, request, view) => {
    const page = api.list(storedKind(api, request.route.kind), selected(request), listQuery(request));
    return { code: 200, body: view.page(page) };
  },
  create(api, request, view) {
    const { subresource } = request.route;
    const { dryRun } = optionsOf(request);
    if (subresource === 'binding') api.bind(placeOf(api, request), sentObject(request), dryRun);
    if (subresource === 'eviction') api.evict(placeOf(api, request), sentObject(request), dryRun);
    if (subresource === 'token') return { code: 201, body: Buffer.from(JSON.stringify(tokenFor(api, request))) };
    if (subresource !== '') return { code: 201, body: Buffer.from(JSON.stringify({ ...SUCCESS, code: 201 })) };
    const { answer } = request.route.kind;
    if (answer) return { code: 201, body: Buffer.from(JSON.stringify(answered(api, answer, sentObject(request)))) };
    return written(api.create(targetOf(api, request), sentObject(request)), view);
  },
  update(api, request, view) {
    const target = targetOf(api, request);
    if (isScale(request)) return scaled(request, putScale(api, target, sentObject(request)).version);
    return written(api.update(target, sentObject(request)), view);
  },
  patch(api, request, view) {
    const target = targetOf(api, request);
    if (isScale(request)) return scaled(request, patchScale(api, target, sentPatch(request)).version);
    return written(api.patch(target, sentPatch(request)), view);
  },
  delete(api, request, view) {
    const { kind } = request.route;
    const { version, gone } = api.remove(placeOf(api, request), deleteRequest(request));
    if (!gone || kind.returnsDeleted) return { code: 200, body: view.one(version) };
    return { code: 200, body: success(kind, version.object.metadata) };
  },
  deletecollection(api, request, view) {
    const page = api.removeAll(storedKind(api, request.route.kind), selected(request), deleteRequest(request));
    return { code: 200, body: view.page(page) };
  },
};

const tokenFor = (api: Api, request: ApiRequest): Stored => {
  const { kind, ...key } = placeOf(api, request);
  return requestToken(api.store, kind, key, bodyObject(sentObject(request)));
};

const answered = (api: Api, answer: NonNullable<Kind['answer']>, sent: Json): Stored =>
  answer(bodyObject(sent), (id) => [...api.store.collection(id).list('')].map(({ object }) => object));
const isScale = ({ route }: ApiRequest): boolean => route.subresource === 'scale';

const scaled = ({ route }: ApiRequest, { object }: Version): Answer => ({
  code: 200,
  body: Buffer.from(JSON.stringify(scaleOf(route.kind, object))),
});

const placeOf = (api: Api, { route }: ApiRequest) => ({
  kind: storedKind(api, route.kind),
  namespace: route.namespace,
  name: route.name,
});

const written = ({ version, created, unknown }: Written, view: View): Answer => ({
  code: created ? 201 : 200,
  body: view.one(version),
  warnings: unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
});

const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

function success({ group, plural }: Kind, { name, uid }: ObjectMeta): Buffer {
  const details = { name, ...(group === '' ? {} : { group }), kind: plural, uid };
  return Buffer.from(JSON.stringify({ ...SUCCESS, details }));
}
