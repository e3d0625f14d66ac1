/** How a program ended. */
export interface Ending {
  readonly argv: readonly string[];
  /** Undefined when the program did not exit by itself. */
  readonly exitCode: number | undefined;
  /** Name of the signal that ended it. */
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const MESSAGE_STDERR_CHARS = 500;

/** A program that did not exit with 0; its message is `<argv> <what>: <end of stderr>`. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(ending: Ending, what: string, options?: ErrorOptions) {
    const detail = ending.stderr.trim().slice(-MESSAGE_STDERR_CHARS);
    super(`${ending.argv.join(' ')} ${what}${detail === '' ? '' : `: ${detail}`}`, options);
    this.argv = ending.argv;
    this.exitCode = ending.exitCode;
    this.signal = ending.signal;
    this.stdout = ending.stdout;
    this.stderr = ending.stderr;
  }
}
