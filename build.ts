import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { DEFINITION_FIELDS } from './src/definitions/definition-fields.ts';
import { DEPLOYED_RIGHTS } from './src/doctor/model/deployed-rights.ts';

/**
 * Five programs, each from an entry of its own, so that nothing of the operator can slip into what every node pays for,
 * nothing of the sandbox into what a cluster runs, and nothing that people run by hand into the operator;
 * src/bundles.test.ts reads the metafiles written here.
 */
const BUNDLES = [
  // Not minified, so that a stack trace in a log reads as the source does: source maps would cost 80 MB of resident
  // memory.
  { name: 'open-local', entry: 'src/main.ts', minify: false },
  { name: 'sandbox', entry: 'sandbox/main.ts', minify: false },
  { name: 'agent', entry: 'src/main-agent.ts', minify: true },
  { name: 'copy', entry: 'src/main-copy.ts', minify: false },
  { name: 'people', entry: 'src/main-people.ts', minify: false },
];

/** What packages of ours load only for features that no program here uses; a third of the operator's bundle. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  '@fastify/ajv-compiler': 'Fastify asks for it once, and compiles validators for routes with a schema: ours have none',
  '@fastify/fast-json-stringify-compiler':
    'Fastify asks for it once, and compiles serializers for routes with a schema',
  'light-my-request': "Fastify's inject() loads it, which only tests call",
  '@grpc/proto-loader': 'grpc-js loads it for channelz and ORCA, which no server here registers',
};

/**
 * Puts a function in the place of each of them, whose result throws when it is called and says which package is
 * missing.
 */
const leaveOut: Plugin = {
  name: 'leave-out',
  setup: (bundler) => {
    bundler.onResolve({ filter: /^[@a-z]/ }, ({ path: name }) =>
      Object.hasOwn(LEFT_OUT, name) ? { path: name, namespace: 'left-out' } : undefined,
    );
    bundler.onLoad({ filter: /./, namespace: 'left-out' }, ({ path: name }) => ({
      contents: `module.exports = () => () => { throw new Error(${JSON.stringify(`build.ts leaves ${name} out: ${LEFT_OUT[name]}`)}); };`,
    }));
  },
};

/** What the doctor knows of crds/ and deploy/: a bundle has no files beside it. */
const INLINED: Readonly<Record<string, unknown>> = { DEFINITION_FIELDS, DEPLOYED_RIGHTS };

const inlineManifests: Plugin = {
  name: 'inline-manifests',
  setup: (bundler) => {
    bundler.onLoad(
      { filter: /(?:definitions\/definition-fields|doctor\/model\/deployed-rights)\.ts$/ },
      ({ path: file }) => {
        const name = path.basename(file, '.ts').toUpperCase().replace('-', '_');
        return { contents: `export const ${name} = ${JSON.stringify(INLINED[name])};` };
      },
    );
  },
};

/** The page in the browser, by path. It is in the operator's bundle, and nothing is loaded from elsewhere. */
async function pageFiles(): Promise<Record<string, { type: string; text: string }>> {
  const folder = path.join(root, 'src/page/browser');
  const { outputFiles, metafile } = await build({
    entryPoints: [path.join(folder, 'main.tsx')],
    ...{ bundle: true, write: false, metafile: true, minify: true, legalComments: 'none', logLevel: 'warning' },
    ...{ platform: 'browser', format: 'esm', target: 'es2022', jsx: 'automatic', jsxImportSource: 'preact' },
  });
  await writeFile(path.join(out, 'page.meta.json'), JSON.stringify(metafile));
  const read = (name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');
  return {
    '/': { type: 'text/html', text: await read('index.html') },
    '/page.js': { type: 'text/javascript', text: outputFiles[0]?.text ?? '' },
    '/page.css': { type: 'text/css', text: await read('page.css') },
    '/icon.svg': { type: 'image/svg+xml', text: await read('icon.svg') },
  };
}

const inlinePage: Plugin = {
  name: 'inline-page',
  setup: (bundler) => {
    bundler.onLoad({ filter: /src\/page\/files\.ts$/ }, async () => ({
      contents: `export const PAGE_FILES = ${JSON.stringify(await pageFiles())};`,
    }));
  },
};

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
    plugins: [leaveOut, inlineManifests, inlinePage],
    logLevel: 'warning',
  });
  await writeFile(path.join(out, `${name}.meta.json`), JSON.stringify(metafile));
}
