import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '../model/log.ts';
import { podFacts } from '../model/decode.ts';
import { createFakeScheduling, type FakeScheduling } from './fake-scheduling.ts';
import { HELD, testPod, UNKNOWN } from './wire/question-fixture.ts';
import { createExtender, type ExtenderOptions } from './server.ts';

/** Longer than any test may run. */
const FOR_EVER_MS = 600_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Started {
  readonly app: FastifyInstance;
  readonly scheduling: FakeScheduling;
  /** Resolves once the heads of so many calls have come. */
  readonly arrived: (count: number) => Promise<void>;
  /** Resolves once the server takes no new connections. */
  readonly closing: Promise<void>;
  /** What happens while it closes, before idle connections are hung up on. */
  readonly atClose: (() => Promise<void>)[];
}

async function start(options: Partial<ExtenderOptions> = {}): Promise<Started> {
  const scheduling = createFakeScheduling({ a: 1, b: HELD });
  const app = createExtender({ scheduling, decodePod: podFacts, log: silentLog, waitMs: 0, ...options });
  const heads: unknown[] = [];
  app.server.on('request', (head) => heads.push(head));
  const arrived = async (count: number): Promise<void> => {
    while (heads.length < count) await once(app.server, 'request');
  };
  const closing = Promise.withResolvers<void>();
  const atClose: Started['atClose'] = [];
  app.addHook('preClose', async () => {
    closing.resolve();
    for (const work of atClose) await work();
  });
  cleanups.push(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, scheduling, arrived, closing: closing.promise, atClose };
}

/** A bare connection: what comes over it, and when it ends. */
interface Line {
  readonly socket: Socket;
  /** One whole reply, head and body. Rejects when the connection ends before. */
  reply(): Promise<{ head: string; body: unknown }>;
  readonly ended: Promise<void>;
}

async function dial(app: FastifyInstance): Promise<Line> {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  cleanups.push(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.on('error', () => {}); // a connection that was reset has ended, which is all that is asked about
  const ended = new Promise<void>((resolve) => socket.once('end', resolve).once('close', resolve));
  await once(socket, 'connect');

  const take = (): { head: string; body: unknown } | undefined => {
    const head = /^(.*?)\r\n\r\n/s.exec(received)?.[1];
    if (head === undefined) return undefined;
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    const start = head.length + 4;
    if (received.length < start + length) return undefined;
    const body: unknown = JSON.parse(received.slice(start, start + length));
    received = received.slice(start + length);
    return { head, body };
  };
  const reply: Line['reply'] = async () => {
    let over = false;
    void ended.then(() => (over = true));
    for (;;) {
      const whole = take();
      if (whole) return whole;
      if (over) throw new Error(`the connection ended after ${JSON.stringify(received)}`);
      const more = new Promise<void>((resolve) => socket.once('data', () => resolve()));
      await Promise.race([more, ended]);
    }
  };
  return { socket, reply, ended };
}

function call(names: readonly string[] = ['a'], path = '/scheduler/filter'): string {
  const body = JSON.stringify({ Pod: testPod(), Nodes: null, NodeNames: names });
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** The same call, its body in chunks of so many bytes and without a length. */
function chunked(whole: string, size: number): string {
  const [head = '', body = ''] = whole.split('\r\n\r\n');
  const chunks = Array.from({ length: Math.ceil(body.length / size) }, (_, i) => body.slice(i * size, (i + 1) * size));
  const sent = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return `${head.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')}\r\n\r\n${sent}0\r\n\r\n`;
}

describe('a large body', () => {
  const annotated = (uid: string, bytes: number) => {
    const pod = testPod(['data'], uid);
    return { ...pod, metadata: { ...pod.metadata, annotations: { large: 'x'.repeat(bytes) } } };
  };
  const largeCall = (uid: string, names: readonly string[]): string => {
    const body = JSON.stringify({ Pod: annotated(uid, 3 * 1024 * 1024), Nodes: null, NodeNames: names });
    return `POST /scheduler/filter HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };

  test('of more than is reserved at first is read whole, and two at once are kept apart', async () => {
    const { app } = await start();
    const [one, other] = [await dial(app), await dial(app)];
    const calls = [largeCall('pod-1', ['a', 'c']), largeCall('pod-2', ['b', 'a'])];
    const half = calls[0]!.length / 2;
    one.socket.write(calls[0]!.slice(0, half));
    other.socket.write(calls[1]!.slice(0, half));
    one.socket.write(calls[0]!.slice(half));
    other.socket.write(calls[1]!.slice(half));
    expect((await one.reply()).body).toMatchObject({
      NodeNames: ['a'],
      FailedAndUnresolvableNodes: { c: UNKNOWN.message },
    });
    expect((await other.reply()).body).toMatchObject({ NodeNames: ['a'], FailedNodes: { b: HELD.message } });
    for (const uid of ['pod-1', 'pod-2']) {
      one.socket.write(largeCall(uid, ['a'])); // in buffers that are used again
      expect((await one.reply()).body).toMatchObject({ NodeNames: ['a'], Error: '' });
    }
  });

  test('without a declared length is read whole too', async () => {
    const { app } = await start();
    const line = await dial(app);
    line.socket.write(chunked(largeCall('pod-1', ['a', 'b']), 60_000));
    expect((await line.reply()).body).toMatchObject({ NodeNames: ['a'], FailedNodes: { b: HELD.message } });
  });
});

describe('one connection', () => {
  test('serves call after call, each reply with its length', async () => {
    const { app } = await start();
    const line = await dial(app);
    for (const path of ['/scheduler/filter', '/scheduler/prioritize', '/scheduler/nothing', '/scheduler/filter']) {
      line.socket.write(call(['a'], path));
      const { head } = await line.reply();
      expect(head).toMatch(/content-length: \d+/i);
      expect(head).not.toMatch(/transfer-encoding|connection: close/i);
    }
  });

  test('is kept longer than the 90 s for which Go keeps it idle', async () => {
    const { app } = await start();
    const line = await dial(app);
    line.socket.write(call());
    const { head } = await line.reply();
    expect(Number(/keep-alive: timeout=(\d+)/i.exec(head)?.[1])).toBeGreaterThan(90);
  });

  test('may send its body in any pieces, also chunked', async () => {
    const { app } = await start();
    const line = await dial(app);
    line.socket.write(chunked(call(), 7));
    expect((await line.reply()).body).toMatchObject({ NodeNames: ['a'], Error: '' });
  });

  test.each([
    { how: 'declared', sent: call(['x'.repeat(200_000)]) },
    { how: 'in chunks', sent: chunked(call(['x'.repeat(200_000)]), 10_000) },
  ])('that sends more than the limit, $how, is told so, and can go on', async ({ sent }) => {
    const { app } = await start({ bodyLimit: 1000 });
    const line = await dial(app);
    line.socket.write(sent);
    expect((await line.reply()).body).toEqual({ Error: expect.stringContaining('longer than 1000 bytes') });
    line.socket.write(call());
    expect((await line.reply()).body).toMatchObject({ NodeNames: ['a'] });
  });

  test('that ends its sending half is still answered', async () => {
    const { app } = await start();
    const line = await dial(app);
    line.socket.end(call());
    expect((await line.reply()).body).toMatchObject({ NodeNames: ['a'] });
    await line.ended;
  });
});

describe('callers that are slow or gone', () => {
  const shortHead = { headMs: 500, callMs: FOR_EVER_MS, checkEveryMs: 50 };
  const shortCall = { headMs: 500, callMs: 700, checkEveryMs: 50 };
  const shortEnoughForMany = { headMs: 2000, callMs: 3000, checkEveryMs: 100 };

  test.each([
    { what: 'never sends a word', timeLimits: shortHead, sent: '' },
    { what: 'stops within the head', timeLimits: shortHead, sent: call().slice(0, 40) },
    { what: 'stops within the body', timeLimits: shortCall, sent: call().slice(0, -5) },
    {
      what: 'declares a huge body',
      timeLimits: shortCall,
      sent: call().replace(/Content-Length: \d+/, `Content-Length: ${200 * 1024 * 1024}`),
    },
  ])('one that $what is hung up on, and others are served meanwhile', async ({ timeLimits, sent }) => {
    const { app } = await start({ timeLimits });
    const slow = await dial(app);
    slow.socket.write(sent);
    const other = await dial(app);
    other.socket.write(call());
    expect((await other.reply()).body).toMatchObject({ NodeNames: ['a'] });
    await slow.ended;
  });

  test('two hundred of them do not keep others from being served', async () => {
    const { app } = await start({ timeLimits: shortEnoughForMany });
    const slow = await Promise.all(Array.from({ length: 200 }, () => dial(app)));
    for (const { socket } of slow) socket.write(call().slice(0, -5));
    const other = await dial(app);
    for (let i = 0; i < 20; i++) {
      other.socket.write(call());
      expect((await other.reply()).body).toMatchObject({ NodeNames: ['a'] });
    }
    await Promise.all(slow.map(({ ended }) => ended));
  });

  test('one that goes away ends the wait on its behalf', async () => {
    const { app, scheduling } = await start({ waitMs: FOR_EVER_MS });
    scheduling.state.mayFreeUp = true;
    const line = await dial(app);
    line.socket.write(call(['b']));
    await scheduling.waiters(1);
    line.socket.destroy();
    await expect(scheduling.waiters(0)).resolves.toBeUndefined();
  });
});

describe('closing', () => {
  test('finishes calls under way, and then hangs up', async () => {
    const { app, scheduling, closing } = await start({ waitMs: FOR_EVER_MS });
    scheduling.state.mayFreeUp = true;
    const line = await dial(app);
    line.socket.write(call(['b']));
    await scheduling.waiters(1);
    const closed = app.close();
    await closing;
    scheduling.nodes.set('b', 5);
    scheduling.free();
    const { head, body } = await line.reply();
    expect(body).toMatchObject({ NodeNames: ['b'], Error: '' });
    expect(head).toMatch(/connection: close/i);
    await closed;
    await line.ended;
  });

  test('answers a call that comes meanwhile over an open connection', async () => {
    const { app, scheduling, arrived, closing } = await start({ waitMs: FOR_EVER_MS });
    scheduling.state.mayFreeUp = true;
    const [waiting, busy] = [await dial(app), await dial(app)];
    waiting.socket.write(call(['b']));
    busy.socket.write(call(['a']).slice(0, -5)); // not idle, so closing leaves its connection open
    await arrived(2);
    const closed = app.close();
    await closing;
    busy.socket.write(call(['a']).slice(-5));
    expect((await busy.reply()).body).toMatchObject({ NodeNames: ['a'] });
    await scheduling.waiters(1);
    scheduling.nodes.set('b', 5);
    scheduling.free();
    expect((await waiting.reply()).body).toMatchObject({ NodeNames: ['b'] });
    await closed;
  });

  test('answers a call that comes just before idle connections are hung up on', async () => {
    const { app, atClose } = await start();
    const line = await dial(app);
    line.socket.write(call());
    await line.reply();
    const late: string[] = [];
    atClose.push(async () => {
      line.socket.write(call());
      late.push((await line.reply()).head);
    });
    await app.close();
    expect(late).toEqual([expect.stringMatching(/^HTTP\/1.1 200 /)]);
  });

  test('hangs up idle connections', async () => {
    const { app } = await start();
    const line = await dial(app);
    line.socket.write(call());
    await line.reply();
    await app.close();
    await expect(line.ended).resolves.toBeUndefined();
  });
});
