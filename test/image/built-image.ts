import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CHECKOUT = path.join(import.meta.dirname, '../..');
const BUILD_MS = 900_000;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** https://github.com/opencontainers/image-spec/blob/main/config.md, as far as it is read. */
export interface ImageConfig {
  readonly architecture: string;
  readonly created: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
}

export interface BuiltImage {
  /** Folder of an OCI layout, in the cache. */
  readonly layout: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly layers: readonly Descriptor[];
  readonly config: ImageConfig;
  readonly sbom: string;
}

export interface BuildOptions {
  /** Folder with the bundles; absent: the checkout's `dist/`. */
  readonly dist?: string;
  /** A cache of its own; absent: the one that all share. */
  readonly cache?: string;
  readonly signal?: AbortSignal;
}

/** Builds what `make image` builds, or finds it in the cache. */
export async function builtImage({ dist, cache, signal }: BuildOptions = {}): Promise<BuiltImage> {
  const env = { ...process.env, ...(dist ? { DIST: dist } : {}), ...(cache ? { OPEN_LOCAL_CACHE: cache } : {}) };
  const options = { env, timeout: BUILD_MS, maxBuffer: 1 << 26, ...(signal ? { signal } : {}) };
  const { stdout } = await run(path.join(CHECKOUT, 'tools/image/build.sh'), [], options);
  const out = stdout.trim();
  const layout = path.join(out, 'oci');
  const read = async <T>(file: string): Promise<T> => JSON.parse(await readFile(path.join(layout, file), 'utf8')) as T;
  const { manifests } = await read<{ manifests: readonly [Descriptor] }>('index.json');
  const [{ digest }] = manifests;
  const { layers, config } = await read<{ layers: Descriptor[]; config: Descriptor }>(blobOf(digest));
  const sbom = path.join(out, 'sbom.spdx.json');
  return { layout, digest, layers, config: await read<ImageConfig>(blobOf(config.digest)), sbom };
}

/** Where an OCI layout has what this digest names. */
export const blobOf = (digest: string): string => path.join('blobs', ...digest.split(':'));

const WHITEOUT = '.wh.';

/** Lays the layers over each other in a new folder below `dir`, as a container has them. */
export async function unpacked({ layout, layers }: BuiltImage, dir: string): Promise<string> {
  const root = await mkdtemp(path.join(dir, 'root-'));
  await chmod(root, 0o755);
  for (const { digest } of layers) {
    await run('tar', ['-C', root, '-xzf', path.join(layout, blobOf(digest))]);
    // A file of this name says that the layer removes its neighbour.
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true }))
      if (entry.name.startsWith(WHITEOUT)) {
        const marker = path.join(entry.parentPath, entry.name);
        await rm(path.join(entry.parentPath, entry.name.slice(WHITEOUT.length)), { recursive: true, force: true });
        await rm(marker);
      }
  }
  return root;
}

/** A new folder for what a file of tests needs; it goes with the returned object. */
export async function scratch(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'open-local-image-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
