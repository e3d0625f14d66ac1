/** What is known of where the text goes. */
export interface Screen {
  /** Columns; Infinity where nobody breaks lines, as in a file. */
  readonly width: number;
  readonly colour: boolean;
}

/** A stream as far as it says what it is. */
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * The width is that of COLUMNS, else the terminal's. Only a terminal gets colours, and none where NO_COLOR is set
 * (https://no-color.org) or TERM is dumb.
 */
export function screenOf(
  { isTTY = false, columns }: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Screen {
  const told = Number(env['COLUMNS']);
  const width = Number.isInteger(told) && told > 0 ? told : columns;
  const colour = isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return { width: width ?? Number.POSITIVE_INFINITY, colour };
}

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
export type Paint = keyof typeof CODES;

/** ECMA-48 select graphic rendition; the text as it is without colours. */
export const paint = (text: string, how: Paint, { colour }: Pick<Screen, 'colour'>): string =>
  colour ? `\u001B[${CODES[how]}m${text}\u001B[0m` : text;
