import { callHead, nodesCall, schedulerOrder } from './calls.ts';
import { createRandom } from '../src/extender/fast/compare-wires-fixture.ts';
import { startChild, type Child } from './child.ts';
import { createClient, requestOf, type Client } from './client.ts';
import { PODS } from './half-full-cluster.ts';
import { distributionOf, type Distribution } from './statistics.ts';

/**
 * Two servers answer the same calls in the same run, in turns of a few dozen: the extender, and the floor, a server
 * that answers a constant of the same size. Other load on the machine hits both alike.
 */
export interface Duel {
  readonly names: number;
  /** Nodes in the cluster; absent: as many as there are names. */
  readonly nodes?: number;
  readonly claims: number;
  /** Connections, each with one call at a time. */
  readonly concurrency: number;
  /** Sends whole nodes instead of names. */
  readonly whole?: boolean;
  readonly server: 'ledger' | 'wire';
  /** Pods that are measured, after a third as many to warm up. */
  readonly pods: number;
}

export interface Side {
  readonly filter: Distribution;
  readonly prioritize: Distribution;
  /** Time of filter and prioritize of one pod together, for which the scheduler waits. */
  readonly both: Distribution;
  /** CPU time of the server for one pod's two calls, ms. */
  readonly cpuMs: number;
}

export interface DuelResult extends Duel {
  readonly ours: Side;
  readonly floor: Side;
  readonly requestBytes: number;
  readonly replyBytes: number;
}

/** Orders of names, none of which the server sees twice in a row. */
const ORDERS = 20;
const TURN = 25;

/** Plays one duel to its end. */
export async function runDuel(duel: Duel): Promise<DuelResult> {
  const ours = await startChild('extender-server.ts', [duel.server, duel.nodes ?? duel.names, duel.claims]);
  const floor = await startChild('floor-server.ts', []);
  try {
    return await play(duel, ours, floor);
  } finally {
    await Promise.all([ours.stop(), floor.stop()]);
  }
}

async function play(duel: Duel, ours: Child, floor: Child): Promise<DuelResult> {
  const calls = prepare(duel);
  const players = await Promise.all(
    Array.from({ length: duel.concurrency }, async () => ({
      ours: await createClient(ours.port),
      floor: await createClient(floor.port),
    })),
  );
  const tallies = { ours: createTally(), floor: createTally() };
  const sizes = { request: 0, reply: 0 };
  const total = Math.ceil((duel.pods * 4) / 3 / duel.concurrency / TURN);
  for (let turn = 0; turn < total; turn++) {
    const measured = turn >= total / 4;
    const echoes = await taking(ours, measured && tallies.ours, (tally) =>
      Promise.all(
        players.map((player, i) =>
          turnOfOurs(player.ours, { calls, first: (turn * duel.concurrency + i) * TURN, tally }),
        ),
      ),
    );
    await taking(floor, measured && tallies.floor, (tally) =>
      Promise.all(players.map((player, i) => turnOfFloor(player.floor, echoes[i] ?? [], tally))),
    );
    sizes.request = echoes[0]?.[0]?.filter.length ?? 0;
    sizes.reply = echoes[0]?.[0]?.filterReply ?? 0;
  }
  for (const player of players) for (const client of [player.ours, player.floor]) client.close();
  return {
    ...duel,
    ours: sideOf(tallies.ours),
    floor: sideOf(tallies.floor),
    requestBytes: sizes.request,
    replyBytes: sizes.reply,
  };
}

interface Tally {
  readonly filter: number[];
  readonly prioritize: number[];
  cpuUs: number;
}

const createTally = (): Tally => ({ filter: [], prioritize: [], cpuUs: 0 });

/** Does a turn and adds the CPU time of the server to the tally, if there is one. */
async function taking<T>(server: Child, tally: Tally | false, turn: (tally: Tally | false) => Promise<T>): Promise<T> {
  const before = await server.usage();
  const result = await turn(tally);
  const after = await server.usage();
  if (tally) tally.cpuUs += after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
  return result;
}

/** Requests for one pod and the sizes of our replies: the floor gets the same requests and answers as many bytes. */
interface Echo {
  readonly filter: Buffer;
  readonly filterReply: number;
  readonly prioritize: Buffer;
  readonly prioritizeReply: number;
}

interface Call {
  readonly head: string;
  readonly filter: Buffer;
  /** Makes the request of prioritize from a reply of filter. */
  readonly prioritizeBody: (reply: Buffer) => readonly (string | Uint8Array)[];
}

function prepare({ names, claims, whole = false }: Duel): Call[] {
  const random = createRandom(1);
  return Array.from({ length: ORDERS }, (_, i): Call => {
    const pod = i % PODS;
    const order = schedulerOrder(names, random(names), random);
    const head = callHead(pod, claims);
    if (!whole) {
      return {
        head,
        filter: requestOf('/scheduler/filter', [head, JSON.stringify(order), '}']),
        prioritizeBody: (reply) => [head, listIn(reply), '}'],
      };
    }
    const filter = requestOf('/scheduler/filter', [nodesCall(pod, claims, order)]);
    const podJson = head.slice(0, head.indexOf(',"Nodes":'));
    return { head, filter, prioritizeBody: (reply) => [podJson, ',"Nodes":', nodesIn(reply), ',"NodeNames":null}'] };
  });
}

const listIn = (reply: Buffer): Buffer =>
  reply.subarray(reply.indexOf('"NodeNames":') + 12, reply.indexOf(',"FailedNodes"'));
const nodesIn = (reply: Buffer): Buffer => reply.subarray(reply.indexOf('"Nodes":') + 8, reply.indexOf(',"NodeNames"'));

async function turnOfOurs(
  client: Client,
  { calls, first, tally }: { readonly calls: readonly Call[]; readonly first: number; readonly tally: Tally | false },
): Promise<Echo[]> {
  const echoes: Echo[] = [];
  for (let i = first; i < first + TURN; i++) {
    const call = calls[i % calls.length]!;
    const filtered = await client.send(call.filter);
    const filterReply = filtered.body.length;
    const prioritize = requestOf('/scheduler/prioritize', call.prioritizeBody(filtered.body));
    const prioritized = await client.send(prioritize);
    if (tally) {
      tally.filter.push(filtered.ms);
      tally.prioritize.push(prioritized.ms);
    }
    echoes.push({ filter: call.filter, filterReply, prioritize, prioritizeReply: prioritized.body.length });
  }
  return echoes;
}

async function turnOfFloor(client: Client, echoes: readonly Echo[], tally: Tally | false): Promise<void> {
  for (const echo of echoes) {
    const filtered = await client.send(addressed(echo.filter, echo.filterReply));
    const prioritized = await client.send(addressed(echo.prioritize, echo.prioritizeReply));
    if (!tally) continue;
    tally.filter.push(filtered.ms);
    tally.prioritize.push(prioritized.ms);
  }
}

/** Makes the same request to the path that names the length of the answer. */
function addressed(request: Buffer, replyBytes: number): Buffer {
  const body = request.indexOf('\r\n\r\n') + 4;
  return requestOf(`/${replyBytes}`, [request.subarray(body)]);
}

function sideOf({ filter, prioritize, cpuUs }: Tally): Side {
  const both = filter.map((ms, i) => ms + (prioritize[i] ?? 0));
  return {
    filter: distributionOf(filter),
    prioritize: distributionOf(prioritize),
    both: distributionOf(both),
    cpuMs: cpuUs / 1000 / filter.length,
  };
}
