import { PAST_LIST } from './name-table.ts';

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const BEFORE_POD = ascii('{"Pod":');
const BEFORE_NAMES = ascii(',"Nodes":null,"NodeNames":[');
const END = ascii(']}');

/** The two parts of a body that differ from call to call. */
export interface BodyParts {
  /** The pod's JSON. */
  readonly pod: Buffer;
  /** The inside of the list of names; PAST_LIST bytes behind it can be read too. */
  readonly list: Buffer;
}

/** Cuts a body of kube-scheduler's layout in two; undefined for any other. Neither part is checked here. */
export function cutBody(body: Buffer): BodyParts | undefined {
  const podEnd = body.indexOf(BEFORE_NAMES);
  const from = podEnd + BEFORE_NAMES.length;
  const to = body.length - END.length;
  if (podEnd < 0 || to < from) return undefined;
  if (BEFORE_POD.compare(body, 0, BEFORE_POD.length) !== 0 || END.compare(body, to) !== 0) return undefined;
  const list = body.subarray(from, to);
  const readable = list.buffer.byteLength - list.byteOffset >= list.length + PAST_LIST;
  return { pod: body.subarray(BEFORE_POD.length, podEnd), list: readable ? list : copyWithSpare(list) };
}

function copyWithSpare(list: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(list.length + PAST_LIST);
  list.copy(copy);
  return copy.subarray(0, list.length);
}
