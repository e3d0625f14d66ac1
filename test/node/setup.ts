import { builtImage } from './image.ts';

const BUILD_MS = 900_000;

/** Installs and builds before any test waits. What is missing on a machine where that cannot be done, the tests say themselves. */
export async function setup(): Promise<void> {
  try {
    await builtImage(AbortSignal.timeout(BUILD_MS));
  } catch (error) {
    process.stdout.write(`the image of the node could not be built: ${String(error)}\n`);
  }
}
