import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { builtBinaries } from '../../control-plane/cluster/cluster.ts';
import { buildProgram, type Program } from '../../control-plane/cluster/program.ts';
import { builtImage as builtOpenLocal, type BuiltImage } from '../../image/built-image.ts';
import { layersOf, plainLayer, writeContainerImage, type Layer } from './container-image.ts';
import { builtImage, type Image } from '../machine/image.ts';
import { startVm, type Vm } from '../machine/vm.ts';

const run = promisify(execFile);
const FILES = path.join(import.meta.dirname, 'files');
const BUILD_MS = 600_000;
const IMPORT_MS = 300_000;
/** As image.sh: images that nobody has built anew for two weeks go. */
const OLD_MS = 14 * 86_400_000;

/** Images that the node has: TOOL is a shell for pods. */
export const TOOL = 'localhost/tool:1';
const PAUSE = 'localhost/pause:1';
const USERLAND = 'localhost/userland:1';
/** Of open-local, without a tag. */
export const OPEN_LOCAL = 'localhost/open-local';

/** Of Kubernetes, on every node. */
const PROGRAMS = ['kubelet', 'kube-proxy'];

/** Folder on the node with the files of kubelet/. */
const PLACES: Readonly<Record<string, string>> = {
  'containerd.toml': '/etc/containerd/config.toml',
  'kubelet.yaml': '/etc/kubernetes/kubelet.yaml',
  '10-bridge.conflist': '/etc/cni/net.d/10-bridge.conflist',
  'at-boot': '/root/at-boot',
  'node-daemon': '/usr/sbin/node-daemon',
  'node-join': '/usr/sbin/node-join',
  'kube-proxy.yaml': '/etc/kubernetes/kube-proxy.yaml',
};

export interface KubeletImage extends Image {
  /** Of the image of open-local, the layers that the node has already: all but the program. */
  readonly known: readonly Layer[];
}

/**
 * Finds or makes the node's image with containerd ready, its container images imported, and a kubelet that waits for a
 * cluster. A virtual machine makes it, once for each content; it is cached beside the plain image.
 */
export async function builtKubeletImage(signal: AbortSignal): Promise<KubeletImage> {
  const base = await builtImage(signal);
  const [binaries = ''] = await builtBinaries();
  const script = path.join(import.meta.dirname, 'tool.sh');
  const { stdout } = await run(script, { timeout: BUILD_MS, signal });
  const tool = stdout.trim();
  const known = await openLocalLayers(signal);
  const digests = known.map(({ digest }) => digest);
  const key = await keyOf([path.dirname(base.root), binaries, path.dirname(tool), ...digests]);
  const root = path.join(path.dirname(path.dirname(base.root)), `kubelet-${key}.ext4`);
  if (!existsSync(root)) await build(base, { tool, known, binaries, root }, signal);
  return { ...base, root, known };
}

async function openLocalLayers(signal: AbortSignal): Promise<readonly Layer[]> {
  await using program = await buildProgram();
  return layersOf(await builtImageOf(program, signal)).slice(0, -1);
}

/** The image of `make image` with this program. */
export const builtImageOf = ({ file }: Program, signal: AbortSignal): Promise<BuiltImage> =>
  builtOpenLocal({ dist: path.join(path.dirname(path.dirname(file)), 'dist'), signal });

async function keyOf(parts: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(parts.map((part) => path.basename(part)).join(' '));
  const sources = [import.meta.filename, path.join(import.meta.dirname, 'container-image.ts')];
  for (const name of (await readdir(FILES)).toSorted()) sources.push(path.join(FILES, name));
  for (const file of sources) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}

interface Build {
  /** Archive of the layer of which the pods of tests are made. */
  readonly tool: string;
  readonly known: readonly Layer[];
  /** Folder of Kubernetes' programs. */
  readonly binaries: string;
  readonly root: string;
}

async function build(image: Image, { tool, known, binaries, root }: Build, signal: AbortSignal): Promise<void> {
  process.stderr.write('building the image of the node with a kubelet …\n');
  const dir = await mkdtemp(`${root}.`);
  try {
    await using vm = await startVm({ image, memoryMib: 1024 }, signal);
    const send = async (source: string, target: string): Promise<void> => {
      await vm.writeFile(target, await readFile(source), signal);
    };
    for (const [name, target] of Object.entries(PLACES)) await send(path.join(FILES, name), target);
    for (const name of PROGRAMS) await send(path.join(binaries, name), `/usr/bin/${name}`);
    await vm.must(`chmod +x ${PLACES['at-boot']} /usr/sbin/node-* /usr/bin/kube* && /root/at-boot`, signal);
    await vm.must('until ctr version &> /dev/null; do sleep 0.1; done', signal);
    const Env = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'];
    const layers = [await plainLayer(tool)];
    const images = [
      { name: PAUSE, layers, config: { Env, Entrypoint: ['sleep', '2147483647'] } },
      { name: TOOL, layers, config: { Env, Entrypoint: ['sh', '-c'] } },
      { name: USERLAND, layers: known, config: {} },
    ];
    for (const each of images) {
      const archive = path.join(dir, 'image.tar');
      await writeContainerImage(archive, each);
      await importImage(vm, archive, signal);
      await rm(archive);
    }
    await vm.must('kill "$(< /run/containerd.pid)"; tail --pid="$(< /run/containerd.pid)" -f /dev/null', signal);
    await vm.shutDown(signal);
    const raw = path.join(dir, 'root.ext4');
    await run('qemu-img', ['convert', '-O', 'raw', path.join(vm.dir, 'root.qcow2'), raw], { signal });
    await rename(raw, root);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  await removeOld(path.dirname(root));
}

/** Removes old images, also remains of builds that were cut. */
async function removeOld(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const file = path.join(cache, name);
    const isOld = name.startsWith('kubelet-') && Date.now() - (await stat(file)).mtimeMs > OLD_MS;
    if (isOld) await rm(file, { recursive: true, force: true });
  }
}

/** Gives the node's containerd an image from an archive on this machine. */
export async function importImage(vm: Pick<Vm, 'must'>, archive: string, signal: AbortSignal): Promise<void> {
  const script =
    'cat > /var/tmp/image.tar && ctr -n k8s.io images import /var/tmp/image.tar; code=$?; rm /var/tmp/image.tar; exit $code';
  await vm.must(script, signal, { input: await readFile(archive), timeoutMs: IMPORT_MS });
}

/** What `make image` builds of the program, and the node's image with all of its layers but the program. */
export interface OpenLocal {
  readonly image: KubeletImage;
  readonly openLocal: BuiltImage;
}

/** Gives the node open-local's image under this tag; `mark` makes it differ from another. */
export async function loadOpenLocal(
  vm: Pick<Vm, 'must' | 'dir'>,
  { image, openLocal }: OpenLocal,
  { tag, mark }: { readonly tag: string; readonly mark: string },
  signal: AbortSignal,
): Promise<void> {
  const archive = path.join(vm.dir, `open-local-${tag}.tar`);
  const config = { ...openLocal.config.config, Labels: { ...openLocal.config.config.Labels, mark } };
  const name = `${OPEN_LOCAL}:${tag}`;
  await writeContainerImage(archive, { name, layers: layersOf(openLocal), known: image.known.length, config });
  await importImage(vm, archive, signal);
}
