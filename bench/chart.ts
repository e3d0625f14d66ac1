/** One line of a chart: points of x and y, both above 0. */
export interface Line {
  readonly label: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ChartOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
}

const WIDTH = 720;
const HEIGHT = 420;
const BOX = { left: 64, right: 150, top: 48, bottom: 52 };

/** An SVG with logarithmic axes, readable on light and dark ground. */
export function chart({ title, x, y, lines }: ChartOptions): string {
  const points = lines.flatMap((line) => line.points);
  const toX = axis(
    points.map(([value]) => value),
    [BOX.left, WIDTH - BOX.right],
  );
  const toY = axis(
    points.map(([, value]) => value),
    [HEIGHT - BOX.bottom, BOX.top],
  );
  const bottom = HEIGHT - BOX.bottom;
  const xs = [...new Set(points.map(([value]) => value))];
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13">`,
    '<style>text{fill:#24292f}.grid{stroke:#8b949e;stroke-opacity:.3}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>',
    `<text x="${BOX.left}" y="24" font-size="16" font-weight="600">${escape(title)}</text>`,
    ...xs.map(
      (value) =>
        `<line class="grid" x1="${toX(value)}" x2="${toX(value)}" y1="${BOX.top}" y2="${bottom}"/><text x="${toX(value)}" y="${bottom + 18}" text-anchor="middle">${value.toLocaleString('en-US')}</text>`,
    ),
    ...ticks(points.map(([, value]) => value)).map(
      (value) =>
        `<line class="grid" x1="${BOX.left}" x2="${WIDTH - BOX.right}" y1="${toY(value)}" y2="${toY(value)}"/><text x="${BOX.left - 8}" y="${toY(value) + 4}" text-anchor="end">${value}</text>`,
    ),
    `<text x="${(BOX.left + WIDTH - BOX.right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escape(x)}</text>`,
    `<text x="16" y="${(BOX.top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(BOX.top + bottom) / 2})">${escape(y)}</text>`,
    ...lines.flatMap((line) => drawn(line, toX, toY)),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

type Scale = (value: number) => number;

function axis(values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const least = Math.log(Math.min(...values) / 1.15);
  const most = Math.log(Math.max(...values) * 1.15);
  return (value) => Math.round((from + ((Math.log(value) - least) / (most - least)) * (to - from)) * 10) / 10;
}

/** Ticks of an axis: 1, 2 and 5 of every power of ten that the values span. */
function ticks(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 10 }, (_, i) => i - 5);
  return powers
    .flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
    .filter((value) => value >= least / 1.15 && value <= most * 1.15);
}

function drawn({ label, color, points }: Line, toX: Scale, toY: Scale): string[] {
  const last = points.at(-1) ?? [1, 1];
  return [
    `<polyline fill="none" stroke="${color}" stroke-width="2.5" points="${points.map(([x, y]) => `${toX(x)},${toY(y)}`).join(' ')}"/>`,
    ...points.map(([x, y]) => `<circle cx="${toX(x)}" cy="${toY(y)}" r="3.5" fill="${color}"/>`),
    `<text x="${toX(last[0]) + 10}" y="${toY(last[1]) + 4}" style="fill:${color}">${escape(label)}</text>`,
  ];
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
