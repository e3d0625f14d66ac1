import { expect, test } from 'vitest';
import { parseFlags } from '../daemon/flags.ts';
import { TRACE_FLAGS, traceConfigOf } from './flags.ts';

const parse = (args: readonly string[], env: Record<string, string> = {}) => {
  const config = traceConfigOf(parseFlags(TRACE_FLAGS, args, env));
  return config && { ...config, endpoint: config.endpoint.href };
};

test('no trace is made unless it is asked for', () => {
  expect(parse([])).toBeUndefined();
  expect(parse(['--trace-sampling=0.5'])).toBeUndefined();
  expect(parse(['--trace-endpoint=none'], { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' })).toBeUndefined();
});

test.each([
  ['http://c:4318', 'http://c:4318/v1/traces'],
  ['https://c/otlp/', 'https://c/otlp/v1/traces'],
  ['http://c:4318/v1/traces', 'http://c:4318/v1/traces'],
])('%s is %s', (given, endpoint) => {
  expect(parse([`--trace-endpoint=${given}`])).toEqual({ endpoint, sampling: 1 });
  expect(parse(['--trace-sampling=.25'], { OTEL_EXPORTER_OTLP_ENDPOINT: given })).toEqual({ endpoint, sampling: 0.25 });
});

test.each([
  ['--trace-endpoint=collector:4318', /^--trace-endpoint: "collector:4318" must be a URL such as http/],
  ['--trace-endpoint=grpc://c:4317', /^--trace-endpoint: "grpc:\/\/c:4317" must be a URL/],
  ['--trace-endpoint=http://me:secret@c', /^--trace-endpoint: must have no user and no password(?!.*secret@)/],
  ['--trace-endpoint=http://c/?key=1', /^--trace-endpoint: .* must end with its path/],
  ['--trace-sampling=2', /^--trace-sampling: "2" must be a number from 0 to 1/],
  ['--trace-sampling=half', /^--trace-sampling: "half"/],
])('%s is refused by the name of the flag', (flag, words) => {
  expect(() => parse([flag])).toThrow(words);
});

test('a bad variable is refused by its name', () => {
  expect(() => parse([], { OTEL_EXPORTER_OTLP_ENDPOINT: 'c' })).toThrow(
    /^OTEL_EXPORTER_OTLP_ENDPOINT: "c" must be a URL/,
  );
});
