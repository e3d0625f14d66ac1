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
  /** Who asked: a name that Kubernetes knows. */
  readonly user?: string;
  /** Any other object, as `Kind/name` or `Kind/namespace/name`. */
  readonly object?: string;
  /** All objects of one kind, by its plural. */
  readonly resource?: string;
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
 * Where a part of the program tells what it did: a constant message and named fields. `error` means a person should
 * look; what is an everyday answer (a pod that does not fit) is `debug`. Pino's loggers are such logs.
 */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** For tests and for parts that are told to be quiet. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
