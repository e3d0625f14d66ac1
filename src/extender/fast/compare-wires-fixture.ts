import { textOf } from '../../model/fault.ts';
import type { Refusal } from '../../model/verdict.ts';
import { podFacts } from '../../model/decode.ts';
import { FULL, HELD, testPod, UNKNOWN } from '../wire/question-fixture.ts';
import type { PodReader, Question, Reply } from '../wire/question.ts';
import { createFastWire } from './fast-wire.ts';
import { readQuestion } from '../wire/json-wire.ts';

/** For tests: holds the fast path against the general one. */

const READER: PodReader = { decodePod: podFacts, concerns: (pod) => pod.volumes.length > 0 };
const VERDICTS: readonly (Refusal | undefined)[] = [undefined, undefined, FULL, HELD, UNKNOWN];

/**
 * What either path answers to filter and to prioritize; the numbers follow from the names, so that equal names give
 * equal answers.
 */
function answers(question: Question): string {
  const head = `${JSON.stringify(question.pod)} ${question.concerned}`;
  if (!question.concerned) return `${head} ${text(question.allFit())}`;
  const codes = question.names.map((name) => Buffer.from(name).reduce((sum, byte) => sum + byte, 0));
  const verdict = text(question.verdict(codes.map((code) => VERDICTS[code % VERDICTS.length])));
  const scores = text(question.scores(codes.map((code) => code % 11)));
  return [head, JSON.stringify(question.names), text(question.allFit()), verdict, scores].join('\n');
}

function text({ bytes, release }: Reply): string {
  const copy = bytes.toString();
  release?.();
  return copy;
}

export interface Comparison {
  readonly body: Buffer;
  readonly fast: string;
  readonly general: string;
}

/**
 * Answers bodies by both paths, the fast one with what it remembers of all bodies before. Says for each whether the
 * fast path took it, and what differed.
 */
export function createComparer(
  seed: number,
): (body: Buffer) => { readonly tookFast: boolean; readonly different?: Comparison } {
  const fastWire = createFastWire({ seed });
  return (body) => {
    const before = Buffer.from(body);
    const question = fastWire.readQuestion(body, READER);
    if (!question) return { tookFast: false };
    const fast = answers(question);
    const general = attempt(() => answers(readQuestion(before, READER)));
    const same = fast === general && before.equals(body);
    return { tookFast: true, ...(!same && { different: { body: before, fast, general } }) };
  };
}

function attempt(what: () => string): string {
  try {
    return what();
  } catch (error) {
    return `error: ${textOf(error)}`;
  }
}

/** A body as kube-scheduler sends it. */
export function schedulerBody(names: readonly string[], pod: unknown = testPod()): Buffer {
  return Buffer.from(JSON.stringify({ Pod: pod, Nodes: null, NodeNames: names }));
}

/**
 * Pieces that mean something on this wire: put in a wrong place they are what a parser that cuts corners falls over.
 */
const PIECES = [
  ',"Nodes":null,"NodeNames":[',
  '{"Pod":',
  ']}',
  '"',
  '\\',
  '\\"',
  ',',
  '","',
  '[',
  '{',
  '}',
  'null',
  '5',
  ' ',
  '\n',
  '\0',
  'é',
  '\u{1F600}',
  '\\u0061',
  '"a"',
  '"NodeNames":["a"]',
  '"Pod":{}',
  '{}',
].map((piece) => Buffer.from(piece));

/** A random number from 0 to one less than `below`. */
export type Random = (below: number) => number;

/** The same numbers for the same seed. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export interface FuzzResult {
  /** Bodies that the fast path took in spite of what was done to them. */
  readonly taken: number;
  readonly different: readonly Comparison[];
}

/** Answers so many mutated bodies by both paths. */
export function fuzzWire(count: number, seed: number): FuzzResult {
  const random = createRandom(seed);
  const compare = createComparer(seed);
  const different: Comparison[] = [];
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const names = Array.from({ length: random(8) }, () => `node-${random(20)}`);
    const body = mutate(schedulerBody(names, testPod(random(2) === 0 ? [] : ['data'])), random);
    const comparison = compare(body);
    if (comparison.tookFast) taken++;
    if (comparison.different) different.push(comparison.different);
  }
  return { taken, different };
}

/** The body with one to three small wrongs: bytes changed, cut, repeated, moved, or pieces of the wire put in. */
function mutate(body: Buffer, random: Random): Buffer {
  let mutated = body;
  for (let left = 1 + random(3); left > 0; left--) mutated = mutateOnce(mutated, random);
  return mutated;
}

function mutateOnce(body: Buffer, random: Random): Buffer {
  const at = random(body.length + 1);
  const end = Math.min(body.length, at + 1 + random(12));
  const [head, cut, tail] = [body.subarray(0, at), body.subarray(at, end), body.subarray(end)];
  const parts: readonly (readonly Uint8Array[])[] = [
    [head, Buffer.from([random(256)]), tail],
    [head, Buffer.from([random(256)]), cut, tail],
    [head, PIECES[random(PIECES.length)]!, cut, tail],
    [head, PIECES[random(PIECES.length)]!, tail],
    [head, tail],
    [head, cut, cut, tail],
    [head],
    [cut, head, tail],
  ];
  return Buffer.concat(parts[random(parts.length)]!);
}
