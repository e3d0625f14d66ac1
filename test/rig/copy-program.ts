import path from 'node:path';

/** What starts a copy where the agent runs from the source: its own is a bundle beside it. */
export const COPY_PROGRAM: readonly string[] = [
  process.execPath,
  path.join(import.meta.dirname, '../../src/main-copy.ts'),
];
