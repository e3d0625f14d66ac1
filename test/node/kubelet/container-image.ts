import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { blobOf, type BuiltImage, type Descriptor } from '../../image/built-image.ts';

export interface Layer extends Descriptor {
  readonly file: string;
  /** Digest of its tar archive before compression. */
  readonly diffId: string;
}

export interface ContainerImage {
  /** With its tag, such as `localhost/tool:1`. */
  readonly name: string;
  /** The lowest first. */
  readonly layers: readonly Layer[];
  /** https://github.com/opencontainers/image-spec/blob/main/config.md */
  readonly config: object;
  /** How many of the lowest layers the machine has already: they are named in the image, and not in the archive. */
  readonly known?: number;
}

const TYPE = 'application/vnd.oci.image';
const PLATFORM = { architecture: 'amd64', os: 'linux' };

/**
 * Writes an image as an archive that containerd imports, without a registry or any tool of containers.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeContainerImage(archive: string, image: ContainerImage): Promise<void> {
  const dir = await mkdtemp(`${archive}.`);
  const blobs = path.join(dir, 'blobs/sha256');
  try {
    await mkdir(blobs, { recursive: true });
    for (const { file, digest } of image.layers.slice(image.known))
      await symlink(file, path.join(blobs, hexOf(digest)));
    const config = await writeJson(blobs, `${TYPE}.config.v1+json`, {
      ...PLATFORM,
      config: image.config,
      rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
    });
    const mediaType = `${TYPE}.manifest.v1+json`;
    const layers = image.layers.map(({ mediaType: type, digest, size }) => ({ mediaType: type, digest, size }));
    const manifest = await writeJson(blobs, mediaType, { schemaVersion: 2, mediaType, config, layers });
    const annotations = { 'io.containerd.image.name': image.name };
    const index = { schemaVersion: 2, manifests: [{ ...manifest, platform: PLATFORM, annotations }] };
    await writeFile(path.join(dir, 'index.json'), JSON.stringify(index));
    await writeFile(path.join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const parts = ['oci-layout', 'index.json', 'blobs'];
    await promisify(execFile)('tar', ['-C', dir, '--dereference', '-cf', archive, ...parts]);
  } finally {
    await rm(dir, { recursive: true });
  }
}

const hexOf = (digest: string): string => digest.slice('sha256:'.length);

/** A layer from a tar archive. It is not compressed: under emulation that costs more than it saves. */
export async function plainLayer(file: string): Promise<Layer> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const digest = `sha256:${hash.digest('hex')}`;
  return { file, mediaType: `${TYPE}.layer.v1.tar`, digest, size: (await stat(file)).size, diffId: digest };
}

/** The layers of an image that was built. */
export const layersOf = ({ layout, layers, config }: BuiltImage): readonly Layer[] =>
  layers.map((layer, at) => ({
    ...layer,
    file: path.join(layout, blobOf(layer.digest)),
    diffId: config.rootfs.diff_ids[at] ?? '',
  }));

async function writeJson(blobs: string, mediaType: string, content: object): Promise<Descriptor> {
  const text = JSON.stringify(content);
  const hex = createHash('sha256').update(text).digest('hex');
  await writeFile(path.join(blobs, hex), text);
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
}
