import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Vm } from '../machine/vm.ts';

const ROOT = path.join(import.meta.dirname, '../../..');

/** TCP port of the guest that leads to the CSI socket of the agent `agent`. */
export const CSI_PORT = 7001;
/** Time limit of a start; it takes seconds on an idle machine. */
const START_MS = 180_000;

/** Socket of the CSI services of the agent of this name. */
export const csiSocketOf = (name: string): string => `/run/${name}/csi.sock`;

/** Installs the program as people start it, and the kubeconfig that it uses. */
export async function installAgent(vm: Vm, kubeconfig: string, signal: AbortSignal): Promise<void> {
  const agent = process.env['AGENT'] ?? path.join(ROOT, 'dist/agent.cjs');
  const copier = path.join(path.dirname(agent), 'copy.cjs'); // which it starts for each copy
  await vm.writeFile('/opt/open-local/dist/agent.cjs', await readFile(agent), signal);
  await vm.writeFile('/opt/open-local/dist/copy.cjs', await readFile(copier), signal);
  await vm.writeFile('/opt/open-local/bin/open-local', await readFile(path.join(ROOT, 'bin/open-local')), signal);
  const node = '/opt/open-local/node_modules/.bin/node';
  await vm.must(
    `chmod +x /opt/open-local/bin/open-local; mkdir -p ${path.dirname(node)}; ln -s /usr/bin/node ${node}`,
    signal,
  );
  await vm.writeFile('/root/kubeconfig', kubeconfig, signal);
  await vm.must('sync', signal); // installed files must survive a power cut
}

/**
 * Starts the installed agent detached, with the flags it is shipped with and these, and resolves when it serves. No
 * kubelet is there to register it, for want of which its storage would get no new volume after two minutes. The log is
 * appended to. Node caches compiled code: under emulation compiling is half of a start, and there are fifty starts.
 */
export async function startInstalled(
  vm: Vm,
  { node, name, flags }: { readonly node: string; readonly name: string; readonly flags: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const script = `
mkdir -p /run/${name}
rm -f ${csiSocketOf(name)}
[ -e /run/relay.pid ] || { setsid socat TCP-LISTEN:${CSI_PORT},fork,reuseaddr UNIX-CONNECT:${csiSocketOf('agent')} &> /dev/null & echo $! > /run/relay.pid; }
NODE_COMPILE_CACHE=/var/cache/node setsid /opt/open-local/bin/open-local agent --node-name=${node} --kubeconfig=/root/kubeconfig \\
  --csi-endpoint=unix://${csiSocketOf(name)} --metrics-endpoint=unix:///run/${name}/metrics.sock --registration-endpoint=none ${flags.join(' ')} \\
  < /dev/null >> /var/log/${name}.log 2>&1 &
echo $! > /run/${name}.pid
until [ -S ${csiSocketOf(name)} ]; do sleep 0.1; kill -0 $! || { cat /var/log/${name}.log >&2; exit 1; }; done`;
  await vm.must(script, signal, { timeoutMs: START_MS });
}
