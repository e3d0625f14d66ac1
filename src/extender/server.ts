import { present } from '../model/present.ts';
import { randomInt } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { WebServer } from '../daemon/web-server.ts';
import type { Log } from '../model/log.ts';
import { Fault, textOf } from '../model/fault.ts';
import type { Tracer } from '../trace/tracer.ts';
import { createFastWire, type FastWire } from './fast/fast-wire.ts';
import { createClientCheck, createTransport, type TimeLimits, type TransportOptions } from './transport.ts';
import { tellAnswer, tracedRoute, type Route } from './traced-route.ts';
import { createVerbs, type Answer, type Handler, type Outcome, type Verb, type VerbsOptions } from './verbs.ts';
import { errorReply } from './wire/json-wire.ts';

export interface CallReport {
  readonly verb: Verb;
  readonly outcome: Outcome;
  /** From the head of the request to the answer, in milliseconds. */
  readonly ms: number;
}

export interface ExtenderOptions extends VerbsOptions {
  readonly log: Log;
  /** Directory with tls.crt, tls.key and ca.crt, read again when they change. Absent: plain HTTP (see checkListen). */
  readonly tls?: { readonly dir: string };
  /**
   * Common or alternative names of clients. Absent or empty: every client that the CA signed. Of no meaning without
   * TLS.
   */
  readonly allowedClients?: readonly string[];
  readonly timeLimits?: TimeLimits;
  /** Bytes. Absent: 256 MiB, enough for 30,000 whole nodes. */
  readonly bodyLimit?: number;
  /** Absent: one of its own. */
  readonly fastWire?: FastWire;
  /** Absent: calls are not told as spans, and cost nothing for it. */
  readonly tracer?: Tracer;
  /** Called once for every call, for metrics. */
  readonly onCall?: (call: CallReport) => void;
  /** Told of the certificates that it serves with, at first and whenever they change; never without TLS. */
  readonly onCertificates?: NonNullable<TransportOptions['onCertificates']>;
}

/** Both what existing clusters have configured (open-local's chart) and the verbs' own names. */
const ROUTES: Readonly<Record<string, Verb>> = {
  '/scheduler/filter': 'filter',
  '/scheduler/predicates': 'filter',
  '/scheduler/prioritize': 'prioritize',
  '/scheduler/priorities': 'prioritize',
  '/scheduler/preempt': 'preempt',
  '/scheduler/bind': 'bind',
};

const DEFAULT_BODY_LIMIT = 256 * 1024 * 1024;

/** The scheduler extender's routes. The caller listens, and closes: calls under way are finished then. */
export function createExtender(options: ExtenderOptions): FastifyInstance {
  const { log, bodyLimit = DEFAULT_BODY_LIMIT } = options;
  let transport: WebServer | undefined;
  const app = fastify({
    logger: false,
    serverFactory: (handler) => {
      transport = createTransport(options, handler);
      return transport.server;
    },
    // A call that comes while we close is answered like any other: kube-scheduler would count a 503 against the pod.
    return503OnClosing: false,
  });
  app.addHook('onClose', async () => transport?.stop());
  closeConnectionsWhenClosing(app);

  const mayCall = createClientCheck(options.tls && options.allowedClients, log);
  app.addHook('onRequest', (request, reply, next) => {
    if (mayCall(request.raw)) next();
    else sendJson(reply.code(403), errorReply('this client may not call').bytes);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null)); // each route reads its body itself
  app.setNotFoundHandler(explainNotFound);
  app.setErrorHandler((error, _request, reply) => {
    log.error({ err: error }, 'extender call broke');
    return sendJson(reply.code(200), errorReply('internal error in open-local; its log has more').bytes);
  });

  const { numbering } = options.scheduling;
  const fastWire = options.fastWire ?? createFastWire({ seed: randomInt(2 ** 31), numbering });
  const verbs = createVerbs(options, { fastWire });
  for (const [url, verb] of Object.entries(ROUTES))
    app.post(url, routeHandler(verb, verbs[verb], { ...options, bodyLimit, fastWire }));
  return app;
}

type RouteOptions = Pick<ExtenderOptions, 'log' | 'onCall' | 'tracer'> & {
  readonly bodyLimit: number;
  readonly fastWire: FastWire;
};

/**
 * Status 200 with a length: kube-scheduler reads no other status's body, and a chunked reply costs it a connection. Of
 * preempt alone an error has another status: there is no place for it in the answer, which would be one without nodes,
 * and no pod of the cluster could evict any other.
 */
function routeHandler(verb: Verb, handle: Handler, { log, onCall, bodyLimit, fastWire, tracer }: RouteOptions) {
  const route: Route = async (request, reply, span) => {
    const started = performance.now();
    const finish = (outcome: Outcome, pod?: string): void => {
      const ms = performance.now() - started;
      log.debug({ method: verb, code: outcome, ms, ...present({ pod }) }, 'extender call answered');
      onCall?.({ verb, outcome, ms });
    };
    let answer: Answer;
    try {
      const body = await fastWire.readBody(request.raw, bodyLimit);
      try {
        answer = await handle(body.bytes, callerGone(request.raw, reply));
      } finally {
        body.release();
      }
    } catch (error) {
      span?.fail(messageFor(error));
      report(log, verb, error);
      finish('error');
      return sendJson(reply.code(verb === 'preempt' ? 503 : 200), errorReply(messageFor(error)).bytes);
    }
    finish(answer.outcome, answer.pod);
    if (span) tellAnswer(span, answer);
    const { bytes, release } = answer.reply;
    if (release) reply.raw.once('close', release);
    return sendJson(reply, bytes);
  };
  return tracer ? tracedRoute(verb, route, tracer) : route;
}

function sendJson(reply: FastifyReply, bytes: Buffer): FastifyReply {
  return reply.header('content-type', 'application/json').send(bytes);
}

/** What the caller is told. The text of a bug stays in our log. */
const messageFor = (error: unknown): string =>
  error instanceof Fault ? error.message : 'internal error in open-local; its log has more';

function report(log: Log, verb: Verb, error: unknown): void {
  if (error instanceof Fault) log.warn({ method: verb, code: error.kind, err: textOf(error) }, 'extender call refused');
  else log.error({ method: verb, err: error }, 'extender call broke');
}

/** Aborted when the connection ends before the answer was sent. */
function callerGone(request: IncomingMessage, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished)
      gone.abort(new Error(`the caller ${request.socket.remoteAddress ?? ''} went away`));
  });
  return gone.signal;
}

/** A connection that was busy when closing began would stay open until its keep-alive ends. */
function closeConnectionsWhenClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
}

async function explainNotFound(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const hint = `no ${request.method} ${request.url} here; kube-scheduler's urlPrefix ends in /scheduler and calls are POSTs to ${Object.keys(ROUTES).join(', ')}`;
  return sendJson(reply.code(404), errorReply(hint).bytes);
}
