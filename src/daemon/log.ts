import { destination, pino, stdTimeFunctions, type Logger } from 'pino';

export type { Logger } from 'pino';

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
