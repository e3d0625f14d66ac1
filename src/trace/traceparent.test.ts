import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .array(fc.nat(15), { minLength: digits, maxLength: digits })
    .map((all) => all.map((digit) => digit.toString(16)).join(''))
    .filter((text) => /[^0]/.test(text));

test('what is written is read as the same', () => {
  const contexts = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() });
  fc.assert(
    fc.property(contexts, (context) => {
      expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
    }),
  );
});

test('whatever text comes, it is no traceparent or has identifiers of the right form, and nothing is thrown', () => {
  const near = fc
    .tuple(fc.constantFrom('00', '01', 'ff', 'FF'), hex(32), hex(16), fc.constantFrom('00', '01', 'ff', 'x1'))
    .map((parts) => parts.join('-'));
  const cut = fc.tuple(near, fc.nat(60), fc.string({ maxLength: 3 })).map(([text, at, more]) => {
    return text.slice(0, at) + more + text.slice(at + more.length);
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), near, cut, fc.anything()), (text) => {
      const read = parseTraceparent(text);
      if (read === undefined) return;
      expect(read).toEqual({
        traceId: expect.stringMatching(/^(?!0{32})[\da-f]{32}$/),
        spanId: expect.stringMatching(/^(?!0{16})[\da-f]{16}$/),
        sampled: expect.any(Boolean),
      });
    }),
  );
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test.each([
  [`00-${TRACE}-${SPAN}-01`, true],
  [`00-${TRACE}-${SPAN}-00`, false],
  [`00-${TRACE}-${SPAN}-03`, true],
  [`cc-${TRACE}-${SPAN}-01-what-will-be`, true],
])('%s is one', (text, sampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
});

test.each([
  ['a version that must not be', `ff-${TRACE}-${SPAN}-01`],
  ['more than version 0 has', `00-${TRACE}-${SPAN}-01-more`],
  ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a line end', `00-${TRACE}-${SPAN}-01\n`],
  ['nothing', ''],
])('%s is none', (_, text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});
