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

/** What a program was told to do may be long, as the names of a node's disks are; what became of it stands behind. */
const FIRST_WORDS_CHARS = 200;
const LAST_WORDS_CHARS = 200;

/** A program that did not exit with 0; its message is `<argv> <what>: <first and last of stderr>`. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly argv: readonly string[];
  /** What became of it: a clause that goes on from the program's name. */
  readonly what: string;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(ending: Ending, what: string, options?: ErrorOptions) {
    const detail = shortened(ending.stderr.trim(), FIRST_CHARS, LAST_CHARS);
    const words = shortened(ending.argv.join(' '), FIRST_WORDS_CHARS, LAST_WORDS_CHARS);
    super(`${words} ${what}${detail === '' ? '' : `: ${detail}`}`, options);
    this.argv = ending.argv;
    this.what = what;
    this.exitCode = ending.exitCode;
    this.signal = ending.signal;
    this.stdout = ending.stdout;
    this.stderr = ending.stderr;
  }
}

/** The beginning and the end, with `…` for what was left out. */
const shortened = (text: string, first: number, last: number): string =>
  text.length <= first + last ? text : `${text.slice(0, first)} … ${text.slice(-last)}`;
