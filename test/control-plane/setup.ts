import type { TestProject } from 'vitest/node';
import { builtBinaries } from './cluster/cluster.ts';
import { buildProgram } from './cluster/program.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the program `open-local`, built from the checkout as it is now. */
    openLocal: string;
  }
}

/** Builds all programs, before any test counts its time. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await builtBinaries();
  const program = await buildProgram();
  project.provide('openLocal', program.file);
  return async () => {
    await program[Symbol.asyncDispose]();
  };
}
