import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

/**
 * Three programs, each from an entry of its own, so that nothing of the operator can slip into what every node pays for, and nothing
 * of the sandbox into what a cluster runs; src/bundles.test.ts reads the metafiles written here.
 */
const BUNDLES = [
  // As it was written, so that a stack trace in a log can be read as it is: source maps would cost 80 MB of resident memory.
  { name: 'open-local', entry: 'src/main.ts', minify: false },
  { name: 'sandbox', entry: 'sandbox/main.ts', minify: false },
  { name: 'agent', entry: 'src/main-agent.ts', minify: true },
];

const root = import.meta.dirname;
const out = path.resolve(root, process.argv[2] ?? 'dist');

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
for (const { name, entry, minify } of BUNDLES) {
  const { metafile } = await build({
    entryPoints: [path.join(root, entry)],
    outfile: path.join(out, `${name}.cjs`),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify,
    keepNames: minify,
    sourcemap: true,
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(path.join(out, `${name}.meta.json`), JSON.stringify(metafile));
}
