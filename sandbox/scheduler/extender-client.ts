import { Agent, request } from 'node:http';
import { Fault } from '../../src/model/fault.ts';
import type { Pod } from '../../src/model/objects.ts';
import type { Rejection } from './diagnosis.ts';

/** Fields of KubeSchedulerConfiguration's `extenders` that this client honours. */
export interface ExtenderSettings {
  /** URL such as `http://127.0.0.1:23000/scheduler`. */
  readonly urlPrefix: string;
  readonly filterVerb: string;
  readonly prioritizeVerb: string;
  readonly weight: number;
  readonly timeoutMs: number;
}

export interface Filtered {
  readonly feasible: readonly string[];
  readonly rejected: ReadonlyMap<string, Rejection>;
}

export interface ExtenderClient {
  /** Filters nodes. Throws Fault `unavailable` on any failure, as with `ignorable: false`. */
  filter(pod: Pod, nodes: readonly string[], signal: AbortSignal): Promise<Filtered>;
  /** Scores nodes: score × weight of each; on a failure no scores, as in kube-scheduler. */
  prioritize(pod: Pod, nodes: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  close(): void;
}

/** ExtenderFilterResult, whose Go type has no JSON names of its own. */
interface FilterReply {
  readonly NodeNames?: readonly string[] | null;
  readonly FailedNodes?: Readonly<Record<string, string>> | null;
  readonly FailedAndUnresolvableNodes?: Readonly<Record<string, string>> | null;
  readonly Error?: string;
}

/**
 * Speaks to an extender as kube-scheduler's HTTPExtender does with `nodeCacheCapable: true`: POST, Go's field names,
 * kept-alive connections, any status but 200 an error.
 */
export function createExtenderClient(settings: ExtenderSettings): ExtenderClient {
  const agent = new Agent({ keepAlive: true });
  const call = async (verb: string, body: unknown, signal: AbortSignal): Promise<unknown> => {
    const url = `${settings.urlPrefix.replace(/\/+$/, '')}/${verb}`;
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(settings.timeoutMs)]);
      return JSON.parse(await post({ url, agent, body: JSON.stringify(body) }, deadline)) as unknown;
    } catch (error) {
      signal.throwIfAborted();
      throw new Fault('unavailable', `Post "${url}": ${String(error)}`, { cause: error });
    }
  };
  return {
    filter: async (pod, nodes, signal) => {
      const reply = await call(settings.filterVerb, { Pod: pod, Nodes: null, NodeNames: nodes }, signal);
      return readFiltered(reply as FilterReply, nodes);
    },
    prioritize: async (pod, nodes, signal) => {
      const reply = await call(settings.prioritizeVerb, { Pod: pod, Nodes: null, NodeNames: nodes }, signal).catch(
        () => [],
      );
      const scores = reply as readonly { readonly Host: string; readonly Score: number }[];
      return new Map(scores.map(({ Host, Score }) => [Host, Score * settings.weight]));
    },
    close: () => agent.destroy(),
  };
}

function readFiltered(reply: FilterReply, asked: readonly string[]): Filtered {
  if (reply.Error) throw new Fault('unavailable', reply.Error);
  const feasible = reply.NodeNames ?? [];
  const stranger = feasible.find((name) => !asked.includes(name));
  if (stranger !== undefined)
    throw new Fault('unavailable', `extender claims a filtered node "${stranger}" which is not in the input node list`);
  return {
    feasible,
    rejected: new Map([
      ...rejections(reply.FailedNodes, { unresolvable: false }),
      ...rejections(reply.FailedAndUnresolvableNodes, { unresolvable: true }),
    ]),
  };
}

const rejections = (
  reasons: Readonly<Record<string, string>> | null | undefined,
  { unresolvable }: { readonly unresolvable: boolean },
): [string, Rejection][] => Object.entries(reasons ?? {}).map(([name, reason]) => [name, { reason, unresolvable }]);

function post(
  { url, agent, body }: { readonly url: string; readonly agent: Agent; readonly body: string },
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const call = request(url, { method: 'POST', agent, headers, signal }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new Error(`code ${response.statusCode}`));
    });
  });
  call.on('error', reject);
  call.end(body);
  return promise;
}
