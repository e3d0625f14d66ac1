import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

export interface ContainerImage {
  /** With its tag, such as `localhost/tool:1`. */
  readonly name: string;
  /** Tar archives, the lowest first. */
  readonly layers: readonly string[];
  readonly entrypoint: readonly string[];
  /** Layers that the machine has already: they are named in the image, and not in the archive. */
  readonly known?: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const TYPE = 'application/vnd.oci.image';
const PLATFORM = { architecture: 'amd64', os: 'linux' };

/**
 * Writes an image as an archive that containerd imports, without a registry or any tool of containers. Layers are not
 * compressed: under emulation that costs more than it saves.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeContainerImage(archive: string, image: ContainerImage): Promise<void> {
  const dir = await mkdtemp(`${archive}.`);
  const blobs = path.join(dir, 'blobs/sha256');
  try {
    await mkdir(blobs, { recursive: true });
    const layers = await Promise.all(
      image.layers.map(async (file) => {
        const layer = await describe(file);
        if (!image.known?.includes(file)) await link(file, path.join(blobs, hexOf(layer)));
        return layer;
      }),
    );
    const config = await writeJson(blobs, `${TYPE}.config.v1+json`, {
      ...PLATFORM,
      config: { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], Entrypoint: image.entrypoint },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    });
    const mediaType = `${TYPE}.manifest.v1+json`;
    const manifest = await writeJson(blobs, mediaType, { schemaVersion: 2, mediaType, config, layers });
    const annotations = { 'io.containerd.image.name': image.name };
    const index = { schemaVersion: 2, manifests: [{ ...manifest, platform: PLATFORM, annotations }] };
    await writeFile(path.join(dir, 'index.json'), JSON.stringify(index));
    await writeFile(path.join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await promisify(execFile)('tar', ['-C', dir, '-cf', archive, 'oci-layout', 'index.json', 'blobs']);
  } finally {
    await rm(dir, { recursive: true });
  }
}

const hexOf = ({ digest }: Descriptor): string => digest.slice('sha256:'.length);

async function describe(file: string): Promise<Descriptor> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { mediaType: `${TYPE}.layer.v1.tar`, digest: `sha256:${hash.digest('hex')}`, size: (await stat(file)).size };
}

async function writeJson(blobs: string, mediaType: string, content: object): Promise<Descriptor> {
  const text = JSON.stringify(content);
  const hex = createHash('sha256').update(text).digest('hex');
  await writeFile(path.join(blobs, hex), text);
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
}
