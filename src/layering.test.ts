import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { expect, test } from 'vitest';

/** The dependency rule (ARCHITECTURE.md): which folders a folder may import, and which packages. Imports point down. */
const RULES: Record<string, { readonly ours: readonly string[]; readonly packages: readonly string[] }> = {
  // 0: words and processes
  model: { ours: [], packages: [] },
  exec: { ours: ['model'], packages: ['node:'] },
  // 1: each knows one outside thing
  daemon: { ours: ['model'], packages: ['node:', 'pino'] },
  kube: { ours: ['model', 'exec'], packages: ['node:', 'yaml', 'pino'] },
  lvm: { ours: ['model', 'exec'], packages: ['node:'] },
  disk: { ours: ['model', 'exec'], packages: ['node:'] },
  mount: { ours: ['model', 'exec'], packages: ['node:'] },
  cgroup: { ours: ['model'], packages: ['node:'] },
  apiserver: { ours: ['model'], packages: ['node:', 'yaml', '@marcbachmann/cel-js'] },
  // 2: decides, purely
  capacity: { ours: ['model'], packages: [] },
  // 3: each speaks one protocol
  extender: { ours: ['model', 'capacity', 'daemon'], packages: ['node:', 'fastify', 'pino', 'lru-cache'] },
  csi: {
    ours: ['model', 'capacity', 'mount', 'daemon'],
    packages: ['node:', '@grpc/grpc-js', '@bufbuild/protobuf', 'pino'],
  },
  // 4: each wires one process
  operator: {
    ours: ['model', 'capacity', 'kube', 'daemon', 'extender', 'csi'],
    packages: ['node:', 'pino', 'lru-cache'],
  },
  agent: {
    ours: ['model', 'kube', 'exec', 'lvm', 'disk', 'mount', 'cgroup', 'daemon', 'csi'],
    packages: ['node:', 'pino'],
  },
  // 5: a cluster in one process, for the demo and the tests
  sandbox: {
    ours: [
      'model',
      'exec',
      'kube',
      'apiserver',
      'daemon',
      'csi',
      'agent',
      'operator',
      'lvm',
      'disk',
      'mount',
      'extender',
    ],
    packages: ['node:', '@grpc/grpc-js', 'yaml', 'pino'],
  },
};

const root = import.meta.dirname;
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (file) =>
    file.endsWith('.ts') &&
    file.includes(path.sep) &&
    !file.endsWith('.test.ts') &&
    !file.includes(`${path.sep}gen${path.sep}`),
);

/** Every module a source text imports: by a declaration, which begins a line, or by a call. */
function importsOf(source: string): string[] {
  const declared = source.matchAll(/^(?:import|export)\b(?:[^;']*?\bfrom)?\s*'([^']+)'/gm);
  const called = source.matchAll(/\bimport\s*\(\s*'([^']+)'/g);
  return [...declared, ...called].map(([, specifier = '']) => specifier);
}

/** What the file may not import; empty when it keeps the rule. */
function violations(file: string, source: string): string[] {
  const [folder = ''] = file.split(path.sep);
  const rule = RULES[folder];
  if (!rule) return [`${folder}/ is not in the dependency rule`];
  return importsOf(source).filter((specifier) => {
    if (specifier.startsWith('.')) {
      const [target = ''] = path.relative(root, path.resolve(root, path.dirname(file), specifier)).split(path.sep);
      return target !== folder && !rule.ours.includes(target);
    }
    if (builtinModules.includes(specifier)) return true; // must be written node:x
    return !rule.packages.some(
      (name) => specifier === name || specifier.startsWith(name.endsWith(':') ? name : `${name}/`),
    );
  });
}

test.each(files)('%s imports only what its folder may', (file) => {
  expect(violations(file, readFileSync(path.join(root, file), 'utf8'))).toEqual([]);
});

test('a planted violation is found', () => {
  expect(violations('model/x.ts', "import { a } from '../kube/client.ts';")).toEqual(['../kube/client.ts']);
  expect(violations('agent/x.ts', "const f = await import('fastify');")).toEqual(['fastify']);
  expect(violations('model/x.ts', "import {\n  a,\n} from '../kube/client.ts';")).toEqual(['../kube/client.ts']);
  expect(violations('model/x.ts', "import '../kube/client.ts';")).toEqual(['../kube/client.ts']);
  expect(violations('model/x.ts', "const a = Buffer.from('../kube/client.ts');")).toEqual([]);
  expect(violations('lvm/x.ts', "export * from '../exec/run.ts';")).toEqual([]);
});
