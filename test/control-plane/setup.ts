import type { TestProject } from 'vitest/node';
import { WHOLE } from '../whole.ts';
import { builtBinaries, builtSchedulers, type OtherScheduler } from './cluster/cluster.ts';
import { buildProgram } from './cluster/program.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the program `open-local`, built from the checkout as it is now. */
    openLocal: string;
    /** None where schedulers.cluster.ts does not run. */
    schedulers: readonly OtherScheduler[];
  }
}

/** Builds all programs, before any test counts its time. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await builtBinaries();
  project.provide('schedulers', WHOLE ? await builtSchedulers() : []);
  const program = await buildProgram();
  project.provide('openLocal', program.file);
  return async () => {
    await program[Symbol.asyncDispose]();
  };
}
