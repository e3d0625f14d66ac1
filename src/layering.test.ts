import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { expect, test } from 'vitest';

interface Room {
  /** A folder of src/, or the sandbox with its folders. */
  readonly room: string;
  /** The rooms that its files may import. */
  readonly ours: readonly string[];
  /** The npm packages that its files may import. */
  readonly packages: readonly string[];
  /** The one file that other rooms may import; absent: all are open to them. */
  readonly door?: string;
}

/**
 * The dependency rule (ARCHITECTURE.md). Imports point down: a room may name only rooms above it in this list. An
 * allowance that no file uses is an error, so the list is always what the code does.
 */
const ROOMS: readonly Room[] = [
  // 0: words and processes
  { room: 'model', ours: [], packages: [] },
  { room: 'wait', ours: [], packages: ['node:'] },
  { room: 'exec', ours: ['model', 'wait'], packages: ['node:'] },
  // 1: each knows one outside thing
  { room: 'daemon', ours: ['model', 'wait'], packages: ['node:', 'pino'] },
  { room: 'trace', ours: ['daemon', 'exec', 'model', 'wait'], packages: ['node:'] },
  { room: 'cgroup', ours: ['model'], packages: ['node:'] },
  { room: 'certificates', ours: ['model'], packages: ['node:', '@peculiar/x509', 'reflect-metadata'] },
  { room: 'lvm', ours: ['exec', 'model'], packages: ['node:'] },
  { room: 'copy', ours: ['exec', 'model', 'wait'], packages: ['node:'] },
  { room: 'disk', ours: ['exec', 'model'], packages: ['node:'] },
  { room: 'mount', ours: ['exec', 'model'], packages: ['node:'] },
  { room: 'crypt', ours: ['daemon', 'exec', 'model'], packages: ['node:'] },
  { room: 'host', ours: ['exec', 'model'], packages: ['node:'] },
  { room: 'kube/protobuf', ours: [], packages: [] },
  { room: 'kube', ours: ['kube/protobuf', 'model'], packages: ['node:'] },
  { room: 'definitions', ours: ['kube', 'model'], packages: ['node:', 'yaml'] },
  { room: 'kube/access', ours: ['exec', 'model', 'wait'], packages: ['node:', 'yaml'] },
  {
    room: 'kube/rest',
    ours: ['kube', 'kube/access', 'kube/protobuf', 'model', 'wait'],
    packages: ['node:'],
  },
  { room: 'kube/follow', ours: ['kube', 'model', 'wait'], packages: ['node:'] },
  { room: 'kube/work', ours: ['kube', 'model', 'wait'], packages: [] },
  { room: 'kube/events', ours: ['kube', 'model', 'wait'], packages: ['node:'] },
  { room: 'kube/lease', ours: ['kube', 'model', 'wait'], packages: [] },
  // 2: decides, purely
  { room: 'capacity/needs', ours: ['model'], packages: [] },
  { room: 'capacity/stock', ours: ['model'], packages: [] },
  { room: 'capacity/placing', ours: ['capacity/needs', 'capacity/stock', 'model'], packages: [] },
  { room: 'capacity/books', ours: ['capacity/needs', 'capacity/placing', 'capacity/stock', 'model'], packages: [] },
  {
    room: 'capacity',
    ours: ['capacity/books', 'capacity/needs', 'capacity/placing', 'capacity/stock', 'model'],
    packages: [],
  },
  // 3: each speaks one protocol
  { room: 'extender/wire', ours: ['model'], packages: [] },
  {
    room: 'extender/fast',
    ours: ['extender/wire', 'model'],
    packages: ['lru-cache', 'node:'],
    door: 'fast-wire.ts',
  },
  {
    room: 'extender',
    ours: ['daemon', 'extender/fast', 'extender/wire', 'model', 'trace'],
    packages: ['fastify', 'node:'],
  },
  {
    room: 'csi',
    ours: ['capacity', 'capacity/books', 'csi/gen', 'daemon', 'model', 'trace', 'wait'],
    packages: ['@grpc/grpc-js'],
  },
  {
    room: 'csi/controller',
    ours: ['capacity/books', 'csi', 'csi/gen', 'daemon', 'model', 'wait'],
    packages: ['node:'],
  },
  { room: 'csi/node', ours: ['crypt', 'csi', 'csi/gen', 'daemon', 'model', 'mount', 'wait'], packages: ['node:'] },
  {
    room: 'page',
    ours: ['capacity', 'daemon', 'kube', 'kube/events', 'model', 'wait'],
    packages: ['fastify', 'lru-cache', 'node:'],
  },
  { room: 'page/browser', ours: ['model', 'page'], packages: ['preact'] },
  // 4: each wires one process
  {
    room: 'operator/follow',
    ours: [
      ...['capacity', 'csi', 'daemon', 'kube', 'kube/events', 'kube/follow', 'kube/protobuf', 'kube/rest', 'model'],
      'wait',
    ],
    packages: [],
  },
  {
    room: 'operator/nodes',
    ours: ['daemon', 'definitions', 'kube', 'kube/events', 'kube/work', 'model', 'operator/follow', 'wait'],
    packages: ['node:'],
  },
  {
    room: 'operator/volumes',
    ours: [
      'capacity',
      'capacity/books',
      'csi',
      'csi/controller',
      'daemon',
      'kube',
      'kube/events',
      'kube/follow',
      'kube/work',
      'model',
      'operator/follow',
      'trace',
      'wait',
    ],
    packages: [],
  },
  {
    room: 'operator/scheduling',
    ours: ['capacity', 'daemon', 'extender', 'kube', 'model', 'operator/follow', 'wait'],
    packages: [],
  },
  {
    room: 'operator/waiting',
    ours: [
      'capacity',
      'capacity/books',
      'capacity/needs',
      'capacity/placing',
      'kube',
      'kube/events',
      'kube/work',
      'model',
      'operator/follow',
      'wait',
    ],
    packages: ['node:'],
  },
  {
    room: 'operator/page',
    ours: ['capacity', 'daemon', 'kube', 'model', 'operator/follow', 'operator/waiting', 'page', 'wait'],
    packages: ['node:'],
  },
  {
    room: 'operator/serving',
    ours: ['certificates', 'daemon', 'kube', 'kube/follow', 'model', 'wait'],
    packages: ['node:'],
  },
  {
    room: 'operator/capacity-objects',
    ours: ['capacity', 'capacity/books', 'csi', 'kube', 'kube/follow', 'kube/work', 'model', 'operator/follow', 'wait'],
    packages: ['node:'],
  },
  {
    room: 'operator/metrics',
    ours: [
      'capacity',
      'capacity/needs',
      'certificates',
      'csi',
      'daemon',
      'extender',
      'model',
      'operator/follow',
      'operator/volumes',
    ],
    packages: [],
  },
  {
    room: 'operator',
    ours: [
      'capacity',
      'capacity/placing',
      'csi',
      'daemon',
      'extender',
      'kube',
      'kube/events',
      'kube/follow',
      'kube/lease',
      'kube/work',
      'model',
      'operator/capacity-objects',
      'operator/follow',
      'operator/metrics',
      'operator/nodes',
      'operator/page',
      'operator/scheduling',
      'operator/serving',
      'operator/volumes',
      'operator/waiting',
      'page',
      'trace',
      'wait',
    ],
    packages: ['node:'],
  },
  { room: 'setup', ours: ['kube', 'model', 'operator/serving'], packages: ['yaml'] },
  {
    room: 'doctor/model',
    ours: ['definitions', 'kube', 'kube/lease', 'model', 'operator/serving'],
    packages: ['node:', 'yaml'],
  },
  {
    room: 'doctor/checks',
    ours: [
      'certificates',
      'definitions',
      'doctor/model',
      'model',
      'operator/follow',
      'operator/serving',
      'operator/waiting',
    ],
    packages: ['node:', 'yaml'],
  },
  {
    room: 'doctor',
    ours: ['definitions', 'doctor/checks', 'doctor/model', 'kube', 'kube/lease', 'model', 'operator/serving'],
    packages: ['node:'],
  },
  { room: 'agent/events', ours: ['kube', 'model'], packages: [] },
  {
    room: 'agent/storage',
    ours: ['agent/events', 'daemon', 'disk', 'host', 'kube', 'lvm', 'model', 'mount'],
    packages: ['node:'],
  },
  {
    room: 'agent/volumes',
    ours: [
      'agent/events',
      'agent/storage',
      'copy',
      'crypt',
      'csi/node',
      'daemon',
      'disk',
      'kube',
      'kube/follow',
      'lvm',
      'model',
      'mount',
      'trace',
      'wait',
    ],
    packages: ['node:'],
  },
  {
    room: 'agent/limits',
    ours: ['agent/events', 'cgroup', 'crypt', 'csi/node', 'daemon', 'kube', 'model', 'mount'],
    packages: ['node:'],
  },
  {
    room: 'agent',
    ours: [
      'agent/events',
      'agent/limits',
      'agent/storage',
      'agent/volumes',
      'cgroup',
      'copy',
      'crypt',
      'csi',
      'csi/node',
      'daemon',
      'disk',
      'exec',
      'host',
      'kube',
      'kube/events',
      'kube/follow',
      'kube/rest',
      'kube/work',
      'lvm',
      'model',
      'mount',
      'trace',
      'wait',
    ],
    packages: ['node:'],
  },
  { room: 'people/words', ours: ['daemon', 'model'], packages: [] },
  { room: 'people/screen', ours: [], packages: [] },
  {
    room: 'people',
    ours: [
      'agent/storage',
      'capacity',
      'disk',
      'doctor',
      'doctor/checks',
      'doctor/model',
      'kube',
      'kube/lease',
      'lvm',
      'model',
      'operator/follow',
      'operator/nodes',
      'operator/volumes',
      'operator/waiting',
      'people/screen',
      'people/words',
    ],
    packages: ['node:'],
  },
  // 5: a cluster in one place, for the demo and the tests
  { room: 'sandbox/apiserver', ours: ['model'], packages: ['@marcbachmann/cel-js', 'node:', 'yaml'] },
  {
    room: 'sandbox/controllers',
    ours: ['csi', 'csi/gen', 'kube', 'kube/events', 'kube/follow', 'model'],
    packages: ['node:'],
  },
  { room: 'sandbox/scheduler', ours: ['kube', 'model', 'sandbox/controllers', 'wait'], packages: ['node:'] },
  {
    room: 'sandbox/story',
    ours: ['kube', 'kube/events', 'model', 'sandbox/apiserver', 'sandbox/controllers', 'wait'],
    packages: ['node:', 'yaml'],
  },
  {
    room: 'sandbox/cluster',
    ours: [
      'agent',
      'csi',
      'daemon',
      'exec',
      'kube',
      'kube/access',
      'kube/lease',
      'kube/rest',
      'kube/work',
      'model',
      'operator/nodes',
      'sandbox/apiserver',
      'sandbox/controllers',
      'sandbox/scheduler',
      'sandbox/story',
      'wait',
    ],
    packages: ['node:'],
  },
  {
    room: 'sandbox',
    ours: ['daemon', 'exec', 'model', 'sandbox/cluster', 'sandbox/story', 'trace', 'wait'],
    packages: ['node:'],
  },
];

/** They start a program, or are one command of it, and may import every room. */
const ENTRIES = new Set(['src', 'commands', 'sandbox']);
/** Files that only tests import. */
const FOR_TESTS = /(^|\/)(fake-[^/]+|[^/]+-fixture)\.ts$/;

const root = path.dirname(import.meta.dirname);
const files = ['src', 'sandbox']
  .flatMap((top) =>
    readdirSync(path.join(root, top), { recursive: true, encoding: 'utf8' }).map((file) => `${top}/${file}`),
  )
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts') && !file.includes('/gen/'));

/** `kube/rest` for src/kube/rest/transport.ts; the sandbox keeps its name. */
const roomOf = (file: string): string => path.dirname(file).replace(/^src\/(?=.)/, '');

/** Every module that a source text imports: by a declaration, which begins a line, or by a call. */
function importsOf(source: string): string[] {
  const declared = source.matchAll(/^(?:import|export)\b(?:[^;']*?\bfrom)?\s*'([^']+)'/gm);
  const called = source.matchAll(/\bimport\s*\(\s*'([^']+)'/g);
  return [...declared, ...called].map(([, specifier = '']) => specifier);
}

/** The file of ours that a specifier names, from the checkout's root; undefined for a package. */
const targetOf = (file: string, specifier: string): string | undefined =>
  specifier.startsWith('.') ? path.join(path.dirname(file), specifier) : undefined;

/** The imports that the rule does not allow the file; empty when it keeps the rule. */
function violations(file: string, source: string): string[] {
  const room = ROOMS.find((each) => each.room === roomOf(file));
  if (!room && !ENTRIES.has(roomOf(file))) return [`${roomOf(file)}/ is not in the dependency rule`];
  return importsOf(source).filter((specifier) => {
    const target = targetOf(file, specifier);
    if (ENTRIES.has(roomOf(file)) && target !== undefined && roomOf(target) === 'src') return false; // an entry's own helpers
    if (target === undefined) return !allowsPackage(room, specifier);
    if (FOR_TESTS.test(target) && !FOR_TESTS.test(file)) return true;
    if (bypassesDoor(file, target)) return true;
    return room !== undefined && roomOf(target) !== room.room && !room.ours.includes(roomOf(target));
  });
}

/** Whether the import goes into another room with a door, and not through it. */
function bypassesDoor(file: string, target: string): boolean {
  const door = ROOMS.find(({ room }) => room === roomOf(target))?.door;
  return door !== undefined && roomOf(file) !== roomOf(target) && path.basename(target) !== door;
}

function allowsPackage(room: Room | undefined, specifier: string): boolean {
  if (builtinModules.includes(specifier)) return false; // must be written node:x
  return room === undefined || room.packages.some((name) => isOf(specifier, name));
}

const isOf = (specifier: string, name: string): boolean =>
  specifier === name || specifier.startsWith(name.endsWith(':') ? name : `${name}/`);

const sources = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));

test.each(files)('%s imports only what its room may', (file) => {
  expect(violations(file, sources.get(file) ?? '')).toEqual([]);
});

test('a room names only rooms above it', () => {
  const upward = ROOMS.flatMap(({ room, ours }, at) =>
    ours
      .filter((name) => !name.endsWith('/gen') && ROOMS.findIndex((each) => each.room === name) >= at)
      .map((name) => `${room} → ${name}`),
  );
  expect(upward).toEqual([]);
});

test("csi's two halves import nothing of each other", () => {
  const halves = ROOMS.filter(({ room }) => room === 'csi/controller' || room === 'csi/node');
  expect(halves.flatMap(({ ours }) => ours).filter((name) => name === 'csi/controller' || name === 'csi/node')).toEqual(
    [],
  );
});

test('every allowance is used', () => {
  const unused = ROOMS.flatMap(({ room, ours, packages }) => {
    const own = files.filter((file) => roomOf(file) === room);
    const specifiers = own.flatMap((file) =>
      importsOf(sources.get(file) ?? '').map((specifier) => ({ file, specifier })),
    );
    const reached = new Set(specifiers.map(({ file, specifier }) => roomOf(targetOf(file, specifier) ?? '')));
    return [
      ...ours.filter((name) => !reached.has(name)),
      ...packages.filter((name) => !specifiers.some(({ specifier }) => isOf(specifier, name))),
    ].map((name) => `${room} → ${name}`);
  });
  expect(unused).toEqual([]);
});

test('no files import each other in a circle, not even by types', () => {
  expect(circleAmong(sources)).toBeUndefined();
});

/** Files that import each other in a circle, in order; undefined when there is none. */
function circleAmong(texts: ReadonlyMap<string, string>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const specifier of importsOf(texts.get(file) ?? '')) {
      const target = targetOf(file, specifier);
      const found = target !== undefined && texts.has(target) ? visit(target, [...way, file]) : undefined;
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of texts.keys()) {
    const found = visit(file, []);
    if (found) return found;
  }
  return undefined;
}

test('a planted violation is found', () => {
  const client = '../kube/client.ts';
  expect(violations('src/model/x.ts', `import { a } from '${client}';`)).toEqual([client]);
  expect(violations('src/agent/x.ts', "const f = await import('fastify');")).toEqual(['fastify']);
  expect(violations('src/model/x.ts', `import {\n  a,\n} from '${client}';`)).toEqual([client]);
  expect(violations('src/model/x.ts', `import '${client}';`)).toEqual([client]);
  expect(violations('src/model/x.ts', `const a = Buffer.from('${client}');`)).toEqual([]);
  expect(violations('src/lvm/x.ts', "export * from '../exec/run.ts';")).toEqual([]);
  expect(violations('src/csi/node/x.ts', "import { a } from '../controller/controller.ts';")).toHaveLength(1);
  expect(violations('src/operator/x.ts', "import { a } from './fake-agent.ts';")).toEqual(['./fake-agent.ts']);
  expect(violations('src/operator/fake-x.ts', "import { a } from './fake-agent.ts';")).toEqual([]);
  expect(violations('src/extender/x.ts', "import { a } from './fast/fast-wire.ts';")).toEqual([]);
  expect(violations('src/extender/x.ts', "import { a } from './fast/name-table.ts';")).toHaveLength(1);
  expect(violations('src/unheard/x.ts', '')).toEqual(['unheard/ is not in the dependency rule']);
});

test('a planted circle is found', () => {
  const planted = new Map([
    ['src/model/a.ts', "import type { B } from './b.ts';"],
    ['src/model/b.ts', "import { a } from './a.ts';"],
  ]);
  expect(circleAmong(planted)).toEqual(['src/model/a.ts', 'src/model/b.ts', 'src/model/a.ts']);
});

test('every room and every door is there', () => {
  const gone = ROOMS.filter(
    ({ room, door = '' }) => !existsSync(path.join(root, room.startsWith('sandbox') ? room : `src/${room}`, door)),
  );
  expect(gone).toEqual([]);
});
