import { destination, pino, stdTimeFunctions, type Logger } from 'pino';

export type { Logger } from 'pino';

/** The names of everything a line can tell. A new name is added here, so that one thing never has two. */
export interface LogFields {
  readonly component?: string;
  readonly node?: string;
  /** `namespace/name`. */
  readonly pod?: string;
  readonly claim?: string;
  readonly volume?: string;
  readonly vg?: string;
  readonly device?: string;
  /** Any other object, as `Kind/name`. */
  readonly object?: string;
  /** The RPC, route or reconciler at work. */
  readonly method?: string;
  /** How it ended: a gRPC code, an HTTP status, a reason in CamelCase. */
  readonly code?: string | number;
  readonly ms?: number;
  readonly count?: number;
  /** `host:port` or `unix:///path`. */
  readonly address?: string;
  /** What will be or was done, in a few words or as data. */
  readonly action?: unknown;
  readonly err?: unknown;
}

/**
 * Where a part of the program tells what it did: a constant message and named fields. `error` means a person should look; what is
 * an everyday answer (a pod that does not fit) is `debug`. Pino's loggers are such logs.
 */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One JSON object a line, written before the call returns, so that a crash loses nothing. */
export function createLog(options: {
  readonly level: LogLevel;
  /** Which process speaks: `operator` or `agent`. */
  readonly name: string;
  /** File descriptor; absent: 2, stderr. */
  readonly fd?: number;
}): Logger {
  return pino(
    {
      level: options.level,
      name: options.name,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination({ fd: options.fd ?? 2, sync: true }),
  );
}

/** For tests and for parts that are told to be quiet. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
