import { readFileSync, writeFileSync } from 'node:fs';

/**
 * A registry that lacks the packages some tool has for other platforms makes `npm install` leave them out of the
 * lockfile, and `npm ci` then refuses it. This adds them as npm would write them, but for the integrity, which only the
 * registry knows: they are never fetched on the platforms we build on. Run after every `npm install` that changes the
 * lockfile (`npm run lock`).
 */
interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const SYSTEMS = ['darwin', 'win32', 'linux', 'freebsd', 'android', 'openharmony'];
const PROCESSORS = ['arm64', 'x64', 'arm', 'armv7', 'ia32', 'ppc64', 'riscv64', 's390x'];

/** What a platform package is for, from its name, such as @oxlint/binding-linux-x64-musl. */
function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((word) => words.includes(word));
  const cpu = PROCESSORS.filter((word) => words.includes(word)).map((word) => (word === 'armv7' ? 'arm' : word));
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : undefined;
  if (os.length !== 1) throw new Error(`${name}: its platform cannot be told from its name`);
  return { os, ...(cpu.length > 0 ? { cpu } : {}), ...(libc ? { libc } : {}) };
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Entry> };
const added: string[] = [];
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (lock.packages[place] || !/^\d/.test(version)) continue;
    lock.packages[place] = { version, ...(entry.dev ? { dev: true } : {}), optional: true, ...platformOf(name) };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync('package-lock.json', `${JSON.stringify(lock, undefined, 2)}\n`);
process.stdout.write(`${added.length} packages of other platforms added to package-lock.json\n`);
