/** Gives what takes a text in pieces and hands on each line of it, once the line has ended. */
export function linesTo(hear: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(line);
  };
}
