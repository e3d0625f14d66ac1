export const DEFAULT_FOLDER = '/var/lib/kubelet';

/** The folder of a kubelet by its command line; undefined where the process is none. */
export function kubeletFolder(argv: readonly string[]): string | undefined {
  const [program = ''] = argv;
  if (program.slice(program.lastIndexOf('/') + 1) !== 'kubelet') return undefined;
  return (valuesOf(argv, 'root-dir').at(-1) ?? DEFAULT_FOLDER).replace(/(?<=.)\/+$/, '');
}

/** `--name=value` and `--name value`. */
const valuesOf = (argv: readonly string[], name: string): string[] =>
  argv.flatMap((arg, i) => {
    if (arg.startsWith(`--${name}=`)) return [arg.slice(name.length + 3)];
    return arg === `--${name}` ? [argv[i + 1] ?? ''] : [];
  });

/** Where a kubelet mounts volumes of pods (pkg/kubelet/kubelet_getters.go); static pods have a uid without hyphens. */
const OF_POD = /^(\/.+)\/pods\/[0-9a-f-]{32,36}\/volumes\/kubernetes\.io~/;

/**
 * The folder of a kubelet that is a part of another program, by what it mounted for pods, of which the agent itself is
 * one: k3s conceals its arguments, and MicroK8s has them in a file. Undefined where nothing is mounted for pods, or in
 * several folders. `mountinfo` is a text of the machine's own: proc(5).
 */
export function folderByMounts(mountinfo: string): string | undefined {
  const targets = mountinfo.split('\n').map((line) => line.split(' ')[4] ?? '');
  const [only, ...more] = new Set(targets.flatMap((target) => OF_POD.exec(target)?.[1] ?? []));
  return more.length === 0 ? only : undefined;
}
