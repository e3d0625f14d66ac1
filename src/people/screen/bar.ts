import type { Paint } from './screen.ts';
import type { Cell } from './table.ts';

const LENGTH = 10;

/** From here on a place is nearly full, from there on full: percent. */
const [NEARLY, FULL] = [80, 95];

/** `[####++----]  57%`: `#` is used, `+` held or reserved, `-` free. What is not nothing has at least one sign. */
export function bar(total: number, used: number, kept: number): Cell {
  if (total <= 0) return '';
  const signs = (part: number): number => (part <= 0 ? 0 : Math.max(1, Math.round((part / total) * LENGTH)));
  const full = Math.min(LENGTH, signs(used));
  const held = Math.min(LENGTH - full, signs(kept));
  const percent = Math.min(100, Math.floor(((used + kept) / total) * 100));
  const drawn = `[${'#'.repeat(full)}${'+'.repeat(held)}${'-'.repeat(LENGTH - full - held)}] ${String(percent).padStart(3)}%`;
  return { text: drawn, as: colourOf(percent) };
}

function colourOf(percent: number): Paint {
  if (percent >= FULL) return 'red';
  return percent >= NEARLY ? 'yellow' : 'green';
}
