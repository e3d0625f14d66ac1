import type { sendUnaryData, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Log } from '../model/log.ts';
import { Fault } from '../model/fault.ts';
import { logCall, withoutSecrets, type CallReport } from './call-log.ts';
import { tracedHandler, type CallTracing } from './traced-handler.ts';
import { Code, nameOfCode, toStatus } from './status.ts';

/** A unary method as ts-proto describes it. */
export interface Method<Request, Reply> {
  readonly path: string;
  readonly requestStream: false;
  readonly responseStream: false;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (value: Reply) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Reply;
}

// The types of a service's methods differ from each other, and a method's request is both taken and given.
// oxlint-disable-next-line typescript/no-explicit-any
export type Definition = Readonly<Record<string, Method<any, any>>>;
export type RequestOf<M> = M extends Method<infer Request, infer _> ? Request : never;
export type ReplyOf<M> = M extends Method<infer _, infer Reply> ? Reply : never;

export interface CallContext {
  /** Aborted when the caller gives up, its deadline passes, or the server has waited long enough while stopping. */
  readonly signal: AbortSignal;
}

/**
 * What a service does, method by method; one that is left out answers UNIMPLEMENTED. A Fault becomes its gRPC status.
 */
export type Handlers<D extends Definition> = {
  readonly [M in keyof D]?: (request: RequestOf<D[M]>, context: CallContext) => Promise<ReplyOf<D[M]>>;
};

export interface Service {
  readonly definition: Definition;
  readonly handlers: Readonly<Record<string, Handler | undefined>>;
}

type Handler = (request: never, context: CallContext) => Promise<unknown>;

/** Ties handlers to the service they serve, so that the compiler checks each of them. */
export function service<D extends Definition>(definition: D, handlers: Handlers<NoInfer<D>>): Service {
  return { definition, handlers };
}

export interface CallOptions extends CallTracing {
  readonly log: Log;
  readonly onCall?: (report: CallReport) => void;
  /** Ends the calls still under way. */
  readonly stopping: AbortSignal;
  /** Handlers at work: of calls that are answered later, and of those whose caller has left. */
  readonly atWork: Set<Promise<void>>;
}

/** The service as grpc-js wants it: every call logged once, every throw mapped once. */
export function implement({ definition, handlers }: Service, options: CallOptions): UntypedServiceImplementation {
  const methods = Object.entries(definition).flatMap(([name, { path }]) => {
    const handler = handlers[name];
    const method = path.slice(path.lastIndexOf('/') + 1);
    return handler === undefined ? [] : [[name, unary(method, handler, options)] as const];
  });
  return Object.fromEntries(methods);
}

type Unary = (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>) => void;

function unary(method: string, handler: Handler, options: CallOptions): Unary {
  const handle = tracedHandler(method, handler, options);
  const told = (call: CallReport, request: unknown, error?: unknown): void => {
    logCall(options.log, call, request, error);
    options.onCall?.(call);
  };
  const answer = async (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>): Promise<void> => {
    const gone = new AbortController();
    call.once('cancelled', () => gone.abort(new Fault('aborted', 'the caller gave up, or its deadline has passed')));
    const signal = AbortSignal.any([gone.signal, options.stopping]);
    const started = performance.now();
    const report = (code: Code): CallReport => {
      const ms = Math.round(performance.now() - started);
      return { method, code: nameOfCode(code), ms };
    };
    try {
      const value = await handle(call, { signal });
      told(report(Code.OK), call.request);
      reply(null, value);
    } catch (error) {
      const { code, details } = toStatus(error);
      told(report(code), call.request, error);
      reply({ code, details: withoutSecrets(details, call.request) });
    }
  };
  return (call, reply) => {
    const work = answer(call, reply).finally(() => options.atWork.delete(work));
    options.atWork.add(work);
  };
}
