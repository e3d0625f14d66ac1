import type { TestProject } from 'vitest/node';
import { builtTools, type Tools } from './chart.ts';

declare module 'vitest' {
  interface ProvidedContext {
    tools: Tools;
  }
}

/** Builds helm and the others, before any test counts its time. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('tools', await builtTools());
}
