/** Comments and documents keep to as many characters a line as code does. */
export const WIDTH = 120;

interface Line {
  readonly text: string;
  /** Whether the line can be broken somewhere. */
  readonly breakable: boolean;
}

/**
 * The numbers of the lines of prose, counted from 1, that are too wide and could be broken: comments of TypeScript,
 * shell and YAML, and the text of Markdown but for tables and code. A line that is one long word, such as a link, is
 * let through.
 */
export function wideLines(file: string, text: string): number[] {
  const lines = text.split('\n');
  const prose = file.endsWith('.md') ? markdown(lines) : comments(lines, file.endsWith('.ts') ? TYPESCRIPT : HASH);
  return prose.flatMap((line, i) => (line?.breakable && Array.from(line.text).length > WIDTH ? [i + 1] : []));
}

/** What may stand before the first word of a line that has no other. */
const ONE_WORD = /^\s*(?:(?:\/\*\*|\*|\/\/|#|-|>|\d+\.|\[[^\]]+\]:)\s+)*\S+(?:\s*\*\/)?$/;
const lineOf = (text: string): Line => ({ text, breakable: !ONE_WORD.test(text) });

function markdown(lines: readonly string[]): (Line | undefined)[] {
  let inCode = false;
  return lines.map((text) => {
    const fence = /^\s*(```|~~~)/.test(text);
    if (fence) inCode = !inCode;
    const isTable = /^\s*\|/.test(text);
    const isHeading = /^#+ /.test(text);
    return fence || inCode || isTable || isHeading ? undefined : lineOf(text);
  });
}

/** A line that is a comment, and one with a comment behind code. What only a linter reads must stay on one line. */
interface Syntax {
  readonly whole: RegExp;
  readonly trailing: RegExp;
}
const TYPESCRIPT: Syntax = {
  whole: /^\s*(?:\/\/|\/\*|\*)(?!.*(?:oxlint|eslint)-)/,
  trailing: /[;,{}()[\]] \/\/ [^'"`]*$/,
};
const HASH: Syntax = { whole: /^\s*#(?!!)(?! shellcheck )/, trailing: /\s# [^'"`]*$/ };

const comments = (lines: readonly string[], { whole, trailing }: Syntax): (Line | undefined)[] =>
  lines.map((text) => {
    if (whole.test(text)) return lineOf(text);
    return trailing.test(text) ? { text, breakable: true } : undefined;
  });
