import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTracer, type EndedSpan } from './recording-tracer.ts';
import { NO_SPAN, NO_TRACER } from './tracer.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = `00-${TRACE}-b7ad6b7169203331-01`;

function recording(sampling = 1) {
  const ended: EndedSpan[] = [];
  const tracer = createTracer({ sampling, onEnd: (span) => ended.push(span) });
  const find = (name: string): EndedSpan => {
    const found = ended.find((span) => span.name === name);
    if (!found) throw new Error(`no span is called ${name}`);
    return found;
  };
  return { tracer, ended, find };
}

test('what is done for a call is part of it, side by side with others, whenever it happens', async () => {
  const { tracer, find, ended } = recording();
  const serve = (name: string): Promise<void> =>
    tracer.enter({ name, kind: 'server' }, async () => {
      await nextTurn();
      await tracer.within({ name: `${name}'s step` }, () => nextTurn());
    });
  await Promise.all([serve('one'), serve('other')]);
  for (const name of ['one', 'other'])
    expect(find(`${name}'s step`)).toMatchObject({ traceId: find(name).traceId, parentId: find(name).spanId });
  expect(find('one').parentId).toBeUndefined();
  expect(new Set(ended.map(({ traceId }) => traceId)).size).toBe(2);
  expect(new Set(ended.map(({ spanId }) => spanId)).size).toBe(4);
});

test('the trace of a caller goes on, and what is no traceparent counts for nothing', async () => {
  const { tracer, find } = recording();
  await tracer.enter({ name: 'known', parent: CALLER }, () => nextTurn());
  await tracer.enter({ name: 'strange', parent: '00-zz' }, () => nextTurn());
  await tracer.enter({ name: 'linked', link: CALLER }, () => nextTurn());
  expect(find('known')).toMatchObject({ traceId: TRACE, parentId: 'b7ad6b7169203331' });
  expect(find('strange').traceId).toMatch(/^[\da-f]{32}$/);
  expect(find('strange').parentId).toBeUndefined();
  expect(find('linked')).toMatchObject({ link: { traceId: TRACE, spanId: 'b7ad6b7169203331' } });
  expect(find('linked').traceId).not.toBe(TRACE);
});

test('of a trace that is not recorded nothing is told, and nobody is told to go on with it', async () => {
  const { tracer, ended } = recording();
  const unsampled = CALLER.replace(/01$/, '00');
  await tracer.enter({ name: 'call', parent: unsampled }, () =>
    tracer.within({ name: 'step' }, async () => expect(tracer.traceparent()).toBeUndefined()),
  );
  expect(ended).toEqual([]);
});

test('so much of the new traces is recorded as is asked, each as a whole', async () => {
  const { tracer, ended } = recording(0.5);
  for (let count = 0; count < 400; count++)
    await tracer.enter({ name: 'call' }, () => tracer.within({ name: 'step' }, async () => {}));
  const [calls, steps] = ['call', 'step'].map((name) => ended.filter((span) => span.name === name));
  // Out of bounds by chance once in 10^12 runs.
  expect(calls?.length).toBeGreaterThan(130);
  expect(calls?.length).toBeLessThan(270);
  expect(steps?.map(({ traceId }) => traceId)).toEqual(calls?.map(({ traceId }) => traceId));
  const none = recording(0);
  await none.tracer.enter({ name: 'call' }, async () => {});
  expect(none.ended).toEqual([]);
});

test('the traceparent of the span under way is what another process goes on with', async () => {
  const [one, other] = [recording(), recording(0)];
  const sent = await one.tracer.enter({ name: 'sends' }, async () => one.tracer.traceparent());
  await other.tracer.enter({ name: 'receives', parent: sent }, async () => {});
  expect(other.find('receives')).toMatchObject({
    traceId: one.find('sends').traceId,
    parentId: one.find('sends').spanId,
  });
  expect(one.tracer.traceparent()).toBeUndefined();
});

test('what fails is told as failed, in the first words that were found, and thrown on', async () => {
  const { tracer, find } = recording();
  const broken = tracer.enter({ name: 'call' }, async (span) => {
    await tracer
      .within({ name: 'step' }, () => Promise.reject(new Error('no room')))
      .catch(() => span.fail('RESOURCE_EXHAUSTED'));
    throw new Error('with secrets');
  });
  await expect(broken).rejects.toThrow('with secrets');
  expect(find('step').failure).toBe('no room');
  expect(find('call').failure).toBe('RESOURCE_EXHAUSTED');
});

test('what is queued runs as part of what queued it, and what it brought about outside is no part', async () => {
  const { tracer, find } = recording();
  const later: (() => Promise<void>)[] = [];
  await tracer.enter({ name: 'call' }, async () => {
    const inside = tracer.here();
    later.push(() => inside(() => tracer.within({ name: 'queued' }, async () => {})));
    await tracer.outside(() => tracer.within({ name: 'beside' }, async () => {}));
  });
  for (const work of later) await work();
  expect(find('queued').parentId).toBe(find('call').spanId);
  expect(() => find('beside')).toThrow('no span');
});

test('a span that is not worth telling is not told, and one that is ended twice is told once', async () => {
  const { tracer, ended } = recording();
  await tracer.enter({ name: 'call' }, async (span) => {
    span.forget();
    const step = tracer.begin({ name: 'step' });
    step.end();
    step.end();
  });
  expect(ended.map(({ name }) => name)).toEqual(['step']);
});

test('a part lies within its whole, by one clock', async () => {
  const { tracer, find } = recording();
  await tracer.enter({ name: 'call' }, () => tracer.within({ name: 'step' }, () => nextTurn()));
  const { startMs, endMs } = find('call');
  expect(find('step').startMs).toBeGreaterThanOrEqual(startMs);
  expect(find('step').endMs).toBeLessThanOrEqual(endMs);
  expect(Math.abs(Date.now() - endMs)).toBeLessThan(60_000);
});

test('the tracer that tells nobody makes nothing, and returns what the work returns', async () => {
  expect(await NO_TRACER.enter({ name: 'call' }, async (span) => span === NO_SPAN)).toBe(true);
  expect(NO_TRACER.begin({ name: 'step' })).toBe(NO_SPAN);
  expect(NO_TRACER.here()).toBe(NO_TRACER.here());
  expect(NO_TRACER.traceparent()).toBeUndefined();
});
