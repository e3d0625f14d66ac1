import type { ServerUnaryCall } from '@grpc/grpc-js';
import { present } from '../model/present.ts';
import { NO_TRACER, type Tracer } from '../trace/tracer.ts';
import { onlyReads, subjectOf, withoutSecrets } from './call-log.ts';
import { Code, toStatus } from './status.ts';

/** How calls are told as spans. */
export interface CallTracing {
  /** Absent: they are not. */
  readonly tracer?: Tracer;
  /** The traceparent that a volume was made with, which its calls have to do with; absent: none is known. */
  readonly madeWith?: (volume: string) => string | undefined;
}

type Call = Pick<ServerUnaryCall<unknown, unknown>, 'request' | 'getPath' | 'metadata'>;

/**
 * The handler as a span of the caller's trace (`traceparent` in the metadata), or of a new one. Calls that only read
 * come all the time, and begin none.
 */
export function tracedHandler<Context>(
  method: string,
  handler: (request: never, context: Context) => Promise<unknown>,
  { tracer = NO_TRACER, madeWith }: CallTracing,
): (call: Call, context: Context) => Promise<unknown> {
  const plain = ({ request }: Call, context: Context): Promise<unknown> => handler(request as never, context);
  if (tracer === NO_TRACER) return plain;
  return async (call, context) => {
    const [parent] = call.metadata.get('traceparent');
    if (parent === undefined && onlyReads(method)) return plain(call, context);
    const volume = subjectOf(call.request);
    const link = volume === undefined ? undefined : madeWith?.(volume);
    const attributes = { 'rpc.system': 'grpc', 'rpc.method': call.getPath().slice(1), ...present({ volume }) };
    return tracer.enter({ name: method, kind: 'server', parent, link, attributes }, async (span) => {
      try {
        const answer = await plain(call, context);
        span.set({ 'rpc.grpc.status_code': Code.OK });
        return answer;
      } catch (error) {
        const { code, details } = toStatus(error);
        span.set({ 'rpc.grpc.status_code': code });
        span.fail(withoutSecrets(details, call.request));
        throw error;
      }
    });
  };
}
