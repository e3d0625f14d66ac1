import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';

/** Everything the benchmarks tell people and files. */

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Formats rows under right-aligned columns. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.slice(1).map(line)].join('\n');
}

/** Rounds to three significant digits, or to a whole number: more than a shared machine can promise. */
export const ms = (value: number): string => (value < 999.5 ? value.toPrecision(3) : String(Math.round(value)));
export const ratio = (value: number): string => `${value.toFixed(2)}×`;

export interface Goal {
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

export const goalLine = ({ goal, measured, met }: Goal): string =>
  `${met ? 'met    ' : 'NOT MET'}  ${goal}: ${measured}`;

/**
 * Writes bench/results/<name>.json, with what the numbers were measured on. The result of a quick run goes to
 * <name>.quick.json and is not kept.
 */
export async function writeResult(name: string, result: Readonly<Record<string, unknown>>): Promise<void> {
  const folder = path.join(import.meta.dirname, 'results');
  await mkdir(folder, { recursive: true });
  const [cpu] = cpus();
  const machine = { node: process.version, cpu: cpu?.model, cores: cpus().length, date: new Date().toISOString() };
  await writeFile(
    path.join(folder, `${name}${result['quick'] === true ? '.quick' : ''}.json`),
    `${JSON.stringify({ machine, ...result }, null, 2)}\n`,
  );
}
