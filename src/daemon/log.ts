import { destination, pino, stdTimeFunctions, type Logger } from 'pino';
import { textLine } from './text-line.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** `json` is for what collects logs, `text` for people who read them as they come. */
export const LOG_FORMATS = ['json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** One line for each thing that happened, written before the call returns, so that a crash loses nothing. */
export function createLog(options: {
  readonly level: LogLevel;
  /** Which process speaks: `operator` or `agent`. */
  readonly name: string;
  /** Absent: `json`. */
  readonly format?: LogFormat;
  /** File descriptor; absent: 2, stderr. */
  readonly fd?: number;
}): Logger {
  const out = destination({ fd: options.fd ?? 2, sync: true });
  return pino(
    {
      level: options.level,
      name: options.name,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === 'text' ? { write: (line: string) => void out.write(textLine(line)) } : out,
  );
}

/** Sets how much is logged to what an object asks for: a level, or undefined for what the command line says. */
export type SetLogLevel = (asked: string | undefined) => void;

/** `own` is the level of the command line. What is no level is told once, and changes nothing. */
export function createSetLogLevel(log: Pick<Logger, 'level' | 'warn'>, own: LogLevel): SetLogLevel {
  let before: string | undefined;
  return (asked) => {
    if (asked === before) return;
    before = asked;
    const level = LOG_LEVELS.find((one) => one === asked);
    if (level === undefined && asked !== undefined)
      log.warn({ action: `"${asked}" is none of ${LOG_LEVELS.join(', ')}` }, 'the level of the log is not understood');
    log.level = level ?? own;
  };
}
