import { parsedObject } from '../model/parsed-json.ts';

/** Fields of a line that have a place of their own, or that a person who reads it knows. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err']);

/**
 * A line of pino's JSON as a person reads it: time, level, what happened, and with what, on one line. `err` is its
 * message with those of its causes; its stack is in the JSON alone. What is not JSON stays as it is.
 */
export function textLine(json: string): string {
  const line = parsedObject(json);
  if (!line) return json;
  const fields = Object.entries(line)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  const said = line['err'] === undefined ? [] : [`error=${shown(problemOf(line['err']))}`];
  const level = oneLine(line['level']).toUpperCase().padEnd(5);
  return `${[oneLine(line['time']), level, oneLine(line['msg']), ...fields, ...said].join(' ')}\n`;
}

/** Pino writes an error as an object with the messages of its causes in its own. */
function problemOf(err: unknown): unknown {
  return typeof err === 'object' && err !== null && 'message' in err ? err.message : err;
}

const oneLine = (value: unknown): string => (typeof value === 'string' ? value.replaceAll(/\s+/g, ' ') : '');

/** A word stays one; everything else is JSON, which has no end of line in it. */
const shown = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined');
