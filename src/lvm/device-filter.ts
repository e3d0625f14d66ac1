import { Fault } from '../model/fault.ts';

/** The ends of device names, character by character. */
interface Ends {
  /** A name ends here. */
  isName: boolean;
  readonly next: Map<string, Ends>;
}

/**
 * `devices/filter` that lets lvm see these devices and no others (lvm.conf(5)). One pattern for all, in which names
 * share what they have in common: lvm's time and memory for a filter grow with the square of its length (6,000 disks,
 * each with a pattern of its own, took it 9 s and 700 MB), and an argument of a program ends at 128 KiB. Throws Fault
 * `invalid` for what cannot be the name of a device there.
 */
export function deviceFilter(devices: readonly string[]): string {
  const rest = '"r|.*|"';
  if (devices.length === 0) return `[ ${rest} ]`;
  const all: Ends = { isName: false, next: new Map() };
  for (const device of devices) add(all, device);
  return `[ "a|^${patternOf(all)}$|", ${rest} ]`;
}

function add(all: Ends, device: string): void {
  if (!device.startsWith('/')) throw new Fault('invalid', `"${device}" is not a device path: it must start with "/"`);
  if (/["|\\\s^[\]]/.test(device)) throw new Fault('invalid', `"${device}" cannot be named to lvm`);
  let ends = all;
  for (const character of device) {
    const known = ends.next.get(character) ?? { isName: false, next: new Map<string, Ends>() };
    ends.next.set(character, known);
    ends = known;
  }
  ends.isName = true;
}

/** In lvm's patterns: characters with the same ends stand in one class, so that `sda` to `sdz` become `sd[a…z]`. */
function patternOf({ isName, next }: Ends): string {
  const byEnd = Map.groupBy(next, ([, ends]) => patternOf(ends));
  const ways = [...byEnd].flatMap(([end, those]) => {
    const characters = those.map(([character]) => character);
    const alike = characters.filter((character) => /[A-Za-z0-9]/.test(character));
    const others = characters.filter((character) => !alike.includes(character)).map(literally);
    const alone = alike.length > 1 ? [`[${alike.join('')}]`] : alike;
    return [...alone, ...others].map((start) => start + end);
  });
  const [only = '', ...more] = ways;
  if (more.length === 0 && !isName) return only;
  return ways.length === 0 ? '' : `(${ways.join('|')})${isName ? '?' : ''}`;
}

const literally = (character: string): string => (/[/_-]/.test(character) ? character : `[${character}]`);
