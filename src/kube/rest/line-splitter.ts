const NEWLINE = 0x0a;

export interface LineSplitter {
  /** The lines that this chunk ends; throws RangeError when a line grows too long. */
  push(chunk: Buffer): string[];
  /** Bytes of the line that has not ended. */
  readonly pending: number;
}

/**
 * Cuts a byte stream into lines. It looks for the newline byte and decodes whole lines only, so a character of several
 * bytes may be cut anywhere (no byte of such a character is a newline in UTF-8). Blank lines are left out.
 */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  let parts: Buffer[] = [];
  let pending = 0;

  const keep = (part: Buffer): void => {
    pending += part.length;
    if (pending > maxLineBytes) throw new RangeError(`a line is longer than ${maxLineBytes} bytes`);
    parts.push(part);
  };
  const take = (): string => {
    const line = parts.length === 1 ? String(parts[0]) : Buffer.concat(parts).toString('utf8');
    parts = [];
    pending = 0;
    return line.trim();
  };

  return {
    push: (chunk) => {
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        keep(chunk.subarray(start, end));
        const line = take();
        if (line !== '') lines.push(line);
        start = end + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
      return lines;
    },
    get pending() {
      return pending;
    },
  };
}
