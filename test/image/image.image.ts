import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtImage, scratch, unpacked, type BuiltImage } from './built-image.ts';
import { runLocked } from './container.ts';
import { isAtLeast, startedBySource, TOOLS, versionIn } from './tools.ts';

const CHECKOUT = path.join(import.meta.dirname, '../..');
const run = promisify(execFile);

let image: BuiltImage;
let root: string;
let dir: string;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  ({ dir } = stack.use(await scratch()));
  await run(path.join(CHECKOUT, 'tools/install-packages.sh'), ['runc']);
  image = await builtImage();
  root = await unpacked(image, dir);
});
afterAll(() => stack.disposeAsync());

const inImage = (...args: readonly string[]): Promise<string> => runLocked({ config: image.config, root, dir }, args);
const shell = (script: string): Promise<string> =>
  runLocked({ config: image.config, root, dir }, ['-c', script], { entrypoint: ['sh'] });

async function versionOfPackage(): Promise<string> {
  const text = await readFile(path.join(CHECKOUT, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

test('it tells its version, as a user without rights on a root that cannot be written', async () => {
  expect(await inImage('--version')).toBe(`open-local ${await versionOfPackage()}\n`);
  expect(await shell('id -u; id -g; touch /tmp/x && touch /x 2>&1 || true')).toMatch(
    /^65532\n65532\n.*Read-only file system\n$/,
  );
});

test('without arguments it says what it can do', async () => {
  expect(await inImage(...image.config.config.Cmd)).toContain('operator');
});

test('the doctor is in it', async () => {
  expect(await inImage('doctor', '--help')).toContain('Exit code: 0 healthy');
  expect(await shell('kubectl-open_local doctor --help')).toContain('Exit code: 0 healthy');
});

test('the operator and agents in it play the whole job, so locked', async () => {
  expect(await inImage('sandbox')).toMatch(/All \d+ steps ended as they should/);
});

test('it has every program that the agent starts, none too old', async () => {
  const folders = ['usr/bin', 'usr/sbin'].map((folder) => readdir(path.join(root, folder)));
  const inPath = new Set((await Promise.all(folders)).flat());
  const names = TOOLS.map(({ name }) => name);
  expect(names.filter((name) => !inPath.has(name))).toEqual([]);
  const started = (await startedBySource(inPath)).filter((name) => !names.includes(name));
  expect(started, 'started by src/, and unknown to test/image/tools.ts').toEqual([]);

  const said = await shell(TOOLS.map(({ ask }) => `echo "== $(${ask} 2>&1 | tr '\\n' ' ')"`).join('\n'));
  const versions = said.split('== ').slice(1).map(versionIn);
  const old = TOOLS.filter(({ atLeast }, at) => !isAtLeast(versions[at] ?? [], atLeast));
  expect({ old: old.map(({ name }) => name), said: old.length > 0 ? said : '' }).toEqual({ old: [], said: '' });
});

/** Features that Linux has only since 5.15 and 5.19, which newer mkfs give unasked. */
const TOO_NEW = ['orphan_file', 'metadata_csum_seed', 'nrext64=1', 'exchange=1', 'parent=1', 'metadir=1'];

test('the filesystems that it makes are such as Linux 5.10 mounts', async () => {
  const said = await shell(
    `set -e; cd /tmp; truncate -s 1G disk; mkfs.xfs -N disk; mkfs.ext4 -q -F disk; dumpe2fs -h disk | grep features`,
  );
  expect(said).toMatch(/bigtime=1[^]*has_journal/);
  expect(TOO_NEW.filter((feature) => said.includes(feature))).toEqual([]);
});

test('nothing in it gives rights to who runs it, and no library is missing to what is run', async () => {
  const { stdout: privileged } = await run('find', [root, '-xdev', '-type', 'f', '-perm', '/6000']);
  expect(privileged).toBe('');
  const { stdout: capable } = await run('getcap', ['-r', root]);
  expect(capable).toBe('');
  const programs = [...TOOLS.map(({ name }) => name), '/opt/open-local/node_modules/.bin/node'].join(' ');
  expect(await shell(`for p in ${programs}; do ldd "$(command -v $p)" 2>&1 | grep -F 'not found'; done; true`)).toBe(
    '',
  );
});

test('its labels say what it is', async () => {
  expect(image.config.config).toMatchObject({ User: '65532:65532', Entrypoint: ['open-local'] });
  expect(image.config.config.Labels).toMatchObject({
    'org.opencontainers.image.title': 'open-local',
    'org.opencontainers.image.version': await versionOfPackage(),
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.revision': expect.any(String),
  });
});

interface Sbom {
  readonly packages: readonly { readonly externalRefs: readonly [{ readonly referenceLocator: string }] }[];
}

test('its bill of materials names what is in it', async () => {
  const { packages } = JSON.parse(await readFile(image.sbom, 'utf8')) as Sbom;
  const named = packages.map(({ externalRefs: [{ referenceLocator }] }) => referenceLocator);
  expect(named).toContain(`pkg:oci/open-local@${encodeURIComponent(image.digest)}`);
  const format = '${Package}@${Version}?arch=${Architecture}\n';
  const list = ['--admindir', path.join(root, 'var/lib/dpkg'), '--show', '--showformat', format];
  const { stdout: installed } = await run('dpkg-query', list);
  const debian = named.flatMap((purl) => /^pkg:deb\/debian\/(.*)&distro=/.exec(purl)?.[1] ?? []);
  expect(debian.map(decodeURIComponent).toSorted()).toEqual(installed.trim().split('\n').toSorted());

  const node = (await shell('/opt/open-local/node_modules/.bin/node --version')).trim().replace('v', '');
  expect(named).toContain(`pkg:npm/node-linux-${process.arch}@${node}`);
  // esbuild writes above each file of a package where it comes from.
  const bundle = await readFile(path.join(root, 'opt/open-local/dist/open-local.cjs'), 'utf8');
  const bundled = new Set([...bundle.matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name]) => name));
  expect(bundled.size).toBeGreaterThan(5);
  const npm = new Set(named.flatMap((purl) => /^pkg:npm\/(.*)@/.exec(decodeURIComponent(purl))?.[1] ?? []));
  expect([...bundled].filter((name) => !npm.has(name ?? ''))).toEqual([]);
});
