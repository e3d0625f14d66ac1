import type { IncomingMessage } from 'node:http';
import { createListReader, type ListMeta } from '../protobuf/list-reader.ts';
import type { Message } from '../protobuf/schema.ts';
import { answered, badAnswer, formatOf, fromJson, fromProtobuf, type Answered } from './answer-format.ts';
import { readList, type RawList } from './list-text.ts';
import { textOfBody } from './rest-call.ts';

export interface ListAnswerReading<T> {
  /** Of the objects. */
  readonly kind: string;
  /** Absent: protobuf was not asked for. */
  readonly schema: Message<T> | undefined;
  readonly tell: (object: T) => void;
}

/** Tells of each object of a list, and resolves to how the list goes on. Throws ApiError; `call` is for its message. */
export async function readListAnswer<T>(
  call: string,
  answer: IncomingMessage,
  { kind, schema, tell }: ListAnswerReading<T>,
): Promise<ListMeta> {
  const to = answered(call, answer);
  const format = formatOf(to, answer.headers, schema !== undefined);
  if (!schema || format === 'json') return readListText(to, await textOfBody(answer), tell);
  const reader = createListReader({ kind, schema, tell });
  for await (const chunk of answer as AsyncIterable<Buffer>) fromProtobuf(to, () => reader.push(chunk));
  return fromProtobuf(to, () => reader.end());
}

/** What is no list would be taken for one without objects, and all that is known for gone. */
const readListText = (to: Answered, text: string, tell: (object: never) => void): ListMeta =>
  fromJson(to, text, () => {
    const list = readList<never>(text);
    if (!isList(list)) throw badAnswer(to, `the answer is no list: ${text.slice(0, 100)}`);
    for (const object of list.items ?? []) tell(object);
    return list.metadata;
  });

/** Of no objects Go's servers write null; our tests' servers tell no kind. */
const isList = (answer: RawList<never> | null): answer is RawList<never> & { readonly metadata: ListMeta } =>
  isItems(answer?.items) && answer?.metadata != null && (answer.kind?.endsWith('List') ?? true);

const isItems = (items: unknown): boolean => typeof items === 'object' && (items === null || Symbol.iterator in items);
