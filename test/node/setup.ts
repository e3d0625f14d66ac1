import { builtImage } from './machine/image.ts';
import { builtKubeletImage } from './kubelet/kubelet-image.ts';

/** Time limit of the set-up: nine minutes of it are the first build of Kubernetes. */
const BUILD_MS = 1_500_000;

/**
 * Installs and builds before any test waits. What is missing on a machine where that cannot be done, the tests say
 * themselves.
 */
export async function setup(): Promise<void> {
  for (const [what, build] of [
    ['of the node', builtImage],
    ['of the node with a kubelet', builtKubeletImage],
  ] as const) {
    try {
      await build(AbortSignal.timeout(BUILD_MS));
    } catch (error) {
      process.stdout.write(`the image ${what} could not be built: ${String(error)}\n`);
    }
  }
}
