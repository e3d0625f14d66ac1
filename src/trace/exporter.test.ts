import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { silentLog, type Log } from '../model/log.ts';
import { createFakeClock } from '../wait/fake-clock.ts';
import { createExporter, type DropReason, type ExporterOptions } from './exporter.ts';
import type { EndedSpan } from './recording-tracer.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A collector that answers what it is told to, one answer after another and then the last for ever. */
async function startCollector(...answers: readonly (readonly [status: number, body?: string])[]) {
  const received: Received[] = [];
  const answer: RequestHandler = async (request, response) => {
    received.push({ path: request.url, headers: request.headers, body: await json(request) });
    const [status, body = '{}'] = answers[Math.min(received.length, answers.length) - 1] ?? [200];
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { received, endpoint: new URL(`http://127.0.0.1:${port}/v1/traces`) };
}

const span = (name: string, more: Partial<EndedSpan> = {}): EndedSpan => ({
  ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, name, kind: undefined },
  ...{ startMs: 1_700_000_000_000.125, endMs: 1_700_000_000_002.5, attributes: {}, ...more },
});

/** An exporter under a clock of the test, and what it counted and said. */
async function startExporter(endpoint: URL, more: Partial<ExporterOptions> = {}) {
  const clock = createFakeClock();
  const counted: { sent: number } & Partial<Record<DropReason, number>> = { sent: 0 };
  const said: string[] = [];
  const note = (_: object, message: string): void => void said.push(message);
  const log: Log = { ...silentLog, info: note, warn: note };
  let told = Promise.withResolvers<void>();
  const tell = (): void => {
    told.resolve();
    told = Promise.withResolvers();
  };
  const { add, component } = createExporter({
    ...{ endpoint, resource: { 'service.name': 'test' }, log, clock },
    onSent: (spans) => {
      counted.sent += spans;
      tell();
    },
    onDropped: (spans, why) => {
      counted[why] = (counted[why] ?? 0) + spans;
      tell();
    },
    ...more,
  });
  await component.start(AbortSignal.timeout(10_000));
  ends.push(() => component.stop());
  /** Lets the clock reach the next moment for which the exporter waits. */
  const wake = async (): Promise<void> => clock.advance(await clock.untilAsleep());
  return { add, component, counted, said, wake, told: () => told.promise };
}

test('spans are sent as OTLP has them in JSON', async () => {
  const collector = await startCollector([200]);
  const { add, wake, told, counted } = await startExporter(collector.endpoint);
  const link = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), sampled: true };
  add(span('lvcreate', { parentId: 'e'.repeat(16), attributes: { text: 'x'.repeat(2000), whole: 3, part: 0.5 } }));
  add(span('CreateVolume', { kind: 'server', link, failure: 'no room', attributes: { yes: true, many: ['a', 'b'] } }));
  const done = told();
  await wake();
  await done;
  const [{ path, headers, body } = {}] = collector.received;
  expect([path, headers?.['content-type']]).toEqual(['/v1/traces', 'application/json']);
  const common = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    startTimeUnixNano: '1700000000000125000',
    endTimeUnixNano: '1700000000002500000',
  };
  expect(body).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'test' } }] },
        scopeSpans: [
          {
            scope: { name: 'open-local' },
            spans: [
              {
                ...common,
                ...{ name: 'lvcreate', kind: 1, parentSpanId: 'e'.repeat(16), status: {} },
                attributes: [
                  { key: 'text', value: { stringValue: `${'x'.repeat(1023)}…` } },
                  { key: 'whole', value: { intValue: '3' } },
                  { key: 'part', value: { doubleValue: 0.5 } },
                ],
              },
              {
                ...common,
                ...{ name: 'CreateVolume', kind: 2, status: { code: 2, message: 'no room' } },
                links: [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }],
                attributes: [
                  { key: 'yes', value: { boolValue: true } },
                  { key: 'many', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
                ],
              },
            ],
          },
        ],
      },
    ],
  });
  expect(counted).toEqual({ sent: 2 });
});

test('a collector that is away for a moment gets them, and nothing is said', async () => {
  const collector = await startCollector([503], [429], [200]);
  const { add, wake, told, counted, said } = await startExporter(collector.endpoint);
  add(span('one'));
  const done = told();
  for (let tries = 0; tries < 3; tries++) await wake();
  await done;
  expect(collector.received).toHaveLength(3);
  expect([counted, said]).toEqual([{ sent: 1 }, []]);
});

test('one that stays away costs them, is told of once, and is told of again when it is back', async () => {
  const collector = await startCollector([503], [503], [503], [503], [200]);
  const { add, wake, told, counted, said } = await startExporter(collector.endpoint);
  for (const wakes of [3, 1, 1]) {
    add(span('one'));
    const done = told();
    for (let at = 0; at < wakes; at++) await wake();
    await done;
  }
  expect(counted).toEqual({ sent: 1, unsent: 2 });
  expect(said).toEqual(['spans are dropped: the collector takes none', 'the collector takes spans again']);
});

test('one that refuses is not asked again for the same, and what it left out is counted', async () => {
  const partly = '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}';
  const collector = await startCollector([400], [200, partly], [200, 'no JSON']);
  const { add, wake, told, counted } = await startExporter(collector.endpoint);
  for (let at = 0; at < 3; at++) {
    add(span('one'));
    add(span('other'));
    const done = told();
    await wake();
    await done;
  }
  expect(collector.received).toHaveLength(3);
  expect(counted).toEqual({ sent: 3, unsent: 2, refused: 1 });
});

test('a collector that is not there at all costs nobody anything but the spans', async () => {
  const { endpoint } = await startCollector();
  for (const end of ends.splice(0)) await end();
  const { add, wake, told, counted } = await startExporter(endpoint);
  add(span('one'));
  const done = told();
  for (let tries = 0; tries < 3; tries++) await wake();
  await done;
  expect(counted).toEqual({ sent: 0, unsent: 1 });
});

test('more than are sent are dropped: no more than so many wait', async () => {
  const collector = await startCollector([200]);
  const { add, counted, component } = await startExporter(collector.endpoint);
  for (let count = 0; count < 3000; count++) add(span('one'));
  expect(counted).toEqual({ sent: 0, full: 952 });
  await component.stop();
  expect(counted).toEqual({ sent: 2048, full: 952 });
  expect(collector.received).toHaveLength(8);
});
