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

/** mkfs names its reason first and prints its usage after it; other tools end with the reason. */
const FIRST_CHARS = 300;
const LAST_CHARS = 500;

/** A program that did not exit with 0; its message is `<argv> <what>: <first and last of stderr>`. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(ending: Ending, what: string, options?: ErrorOptions) {
    const detail = shortened(ending.stderr.trim());
    super(`${ending.argv.join(' ')} ${what}${detail === '' ? '' : `: ${detail}`}`, options);
    this.argv = ending.argv;
    this.exitCode = ending.exitCode;
    this.signal = ending.signal;
    this.stdout = ending.stdout;
    this.stderr = ending.stderr;
  }
}

/** The first lines and the end, with `…` for what was left out. */
const shortened = (text: string): string =>
  text.length <= FIRST_CHARS + LAST_CHARS ? text : `${text.slice(0, FIRST_CHARS)} … ${text.slice(-LAST_CHARS)}`;
