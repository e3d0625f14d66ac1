const DEFAULT_FOLDER = '/var/lib/kubelet';

/**
 * The folder of a kubelet by its command line, or by that of the k3s that it is a part of; undefined where the process
 * is neither.
 */
export function kubeletFolder(argv: readonly string[]): string | undefined {
  const [program = '', verb = ''] = argv;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const isK3s = /^(?:k3s|rke2)$/.test(name) && ['server', 'agent'].includes(verb);
  if (name !== 'kubelet' && !isK3s) return undefined;
  const given = valuesOf(argv, isK3s ? 'kubelet-arg' : 'root-dir');
  const folders = isK3s ? given.flatMap((arg) => /^(?:--)?root-dir=(.+)$/.exec(arg)?.[1] ?? []) : given;
  return (folders.at(-1) ?? DEFAULT_FOLDER).replace(/(?<=.)\/+$/, '');
}

/** `--name=value` and `--name value`. */
const valuesOf = (argv: readonly string[], name: string): string[] =>
  argv.flatMap((arg, i) => {
    if (arg.startsWith(`--${name}=`)) return [arg.slice(name.length + 3)];
    return arg === `--${name}` ? [argv[i + 1] ?? ''] : [];
  });
