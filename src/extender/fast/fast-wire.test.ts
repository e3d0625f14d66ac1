import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { podFacts } from '../../model/decode.ts';
import { FULL, testPod } from '../wire/question-fixture.ts';
import type { PodReader } from '../wire/question.ts';
import { createComparer, fuzzWire, schedulerBody } from './compare-wires-fixture.ts';
import { createFastWire } from './fast-wire.ts';

const hostname = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,50}[a-z0-9])?$/);
const anyName = fc.oneof(
  { weight: 6, arbitrary: hostname },
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom('', '__proto__', 'a"b', 'a\\b', ']}', '],"x":["', ',"Nodes":null,"NodeNames":['),
);
const pods = fc.oneof(
  fc.constantFrom(testPod(), testPod([])),
  fc.record({
    metadata: fc.record({
      uid: fc.constantFrom('u1', 'u2', ''),
      name: fc.constant('n'),
      namespace: fc.constant('x'),
      annotations: fc.jsonValue(),
    }),
    spec: fc.record({ volumes: fc.constantFrom([], [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }]) }),
  }),
  fc.jsonValue(),
);
describe('the fast path', () => {
  test.each([
    { what: 'no name', names: [] },
    { what: 'one name', names: ['a'] },
    { what: 'names of every length', names: Array.from({ length: 253 }, (_, i) => 'n'.repeat(i + 1)) },
    { what: 'ten thousand names', names: Array.from({ length: 10_000 }, (_, i) => `node-${i}.example.org`) },
  ])('takes what kube-scheduler sends: $what', ({ names }) => {
    const compare = createComparer(1);
    for (const pod of [testPod(), testPod([])]) {
      for (const order of [names, names.toReversed(), names])
        expect(compare(schedulerBody(order, pod))).toEqual({ tookFast: true });
    }
  });

  test.each([
    { what: 'a name that comes twice', body: schedulerBody(['a', 'b', 'a']) },
    { what: 'an escaped name', body: Buffer.from(schedulerBody(['x']).toString().replace('"x"', '"\\u0078"')) },
    { what: 'a name beyond ASCII', body: schedulerBody(['é']) },
    { what: 'a name too long for a node', body: schedulerBody(['n'.repeat(254)]) },
    { what: 'white space', body: Buffer.from(JSON.stringify(JSON.parse(schedulerBody(['a']).toString()), null, 1)) },
    { what: 'a trailing comma', body: Buffer.from(schedulerBody(['a']).toString().replace('"a"]', '"a",]')) },
    { what: 'a number', body: Buffer.from(schedulerBody(['a']).toString().replace('"a"]', '"a",5]')) },
    { what: 'more names than any cluster has', body: schedulerBody(Array.from({ length: 65_537 }, (_, i) => `n${i}`)) },
  ])('leaves to the general path: $what', ({ body }) => {
    expect(createComparer(1)(body)).toEqual({ tookFast: false });
  });

  test.each([
    '"a";"b","c"',
    '"a""b","c"',
    '"a", "b","c"',
    '"a","b","c",',
    '"a","b","c"x',
    ',"a","b","c"',
    '"a","b","c',
    'a","b","c"',
    '"a,"b","c"',
    '"a","b",c"',
  ])('leaves to the general path known names that are written so: %s', (list) => {
    const compare = createComparer(1);
    const good = schedulerBody(['a', 'b', 'c']).toString();
    expect(compare(Buffer.from(good))).toEqual({ tookFast: true });
    expect(compare(Buffer.from(good.replace('"a","b","c"', list)))).toEqual({ tookFast: false });
  });

  test('does not read past the end of the body', () => {
    const compare = createComparer(1);
    compare(schedulerBody(['x]}'])); // now a name whose bytes look like the end of a body
    const whole = schedulerBody(['x']).toString();
    const cut = Buffer.from(`${whole.slice(0, whole.indexOf('"x"'))}"x]}"`).subarray(0, -1);
    expect(compare(cut)).toEqual({ tookFast: false });
  });

  test('answers as the general path does, whatever the pod and the names', () => {
    const compare = createComparer(1);
    let fast = 0;
    fc.assert(
      fc.property(pods, fc.array(anyName, { maxLength: 30 }), (pod, names) => {
        const { tookFast, different } = compare(schedulerBody(names, pod));
        if (tookFast) fast++;
        expect(different).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
    expect(fast).toBeGreaterThan(200);
  });

  test('answers as the general path does, whatever happened to the body', () => {
    const { taken, different } = fuzzWire(5000, 1);
    expect(different).toEqual([]);
    expect(taken).toBeGreaterThan(150);
  });
});

describe('what is remembered between filter and prioritize', () => {
  const reader: PodReader = { decodePod: podFacts, concerns: () => true };
  const read = (wire: ReturnType<typeof createFastWire>, names: readonly string[], uid: string) =>
    wire.readQuestion(schedulerBody(names, testPod(['data'], uid)), reader)!;

  test('the very list that filter answered, until the pod is bound', () => {
    const wire = createFastWire({ seed: 1 });
    read(wire, ['a', 'b', 'c'], 'pod-1').verdict([undefined, FULL, undefined]);
    const first = read(wire, ['a', 'c'], 'pod-1').names;
    expect(first).toEqual(['a', 'c']);
    expect(read(wire, ['a', 'c'], 'pod-1').names).toBe(first);
    wire.forget('pod-1');
    expect(read(wire, ['a', 'c'], 'pod-1').names).not.toBe(first);
  });

  test('another order, another list or another pod is read anew', () => {
    const wire = createFastWire({ seed: 1 });
    read(wire, ['a', 'b'], 'pod-1').verdict([undefined, undefined]);
    expect(read(wire, ['b', 'a'], 'pod-1').names).toEqual(['b', 'a']);
    expect(read(wire, ['a'], 'pod-1').names).toEqual(['a']);
    expect(read(wire, ['a', 'c'], 'pod-2').names).toEqual(['a', 'c']);
  });

  test('a question that waits is answered with its own names though the table was thrown away meanwhile', () => {
    const wire = createFastWire({ seed: 1 });
    const waiting = read(wire, ['first', 'second'], 'pod-1');
    for (const prefix of ['x', 'y', 'z'])
      wire.readQuestion(
        schedulerBody(
          Array.from({ length: 40_000 }, (_, i) => `${prefix}${i}`),
          testPod(['data'], 'pod-2'),
        ),
        reader,
      );
    const { bytes } = waiting.verdict([undefined, FULL]);
    expect(JSON.parse(bytes.toString())).toMatchObject({
      NodeNames: ['first'],
      FailedAndUnresolvableNodes: { second: FULL.message },
    });
  });

  test('two questions at once do not share their names', () => {
    const wire = createFastWire({ seed: 1 });
    const one = read(wire, ['a', 'b'], 'pod-1');
    const two = read(wire, ['b', 'c'], 'pod-2');
    const replies = [one.verdict([undefined, undefined]), two.verdict([undefined, undefined])];
    expect(replies.map(({ bytes }) => JSON.parse(bytes.toString()).NodeNames)).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
  });
});
