import type { TestProject } from 'vitest/node';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { builtTools, type Tools } from './chart.ts';

declare module 'vitest' {
  interface ProvidedContext {
    tools: Tools;
  }
}

const INSTALL = path.join(import.meta.dirname, '../../tools/install-packages.sh');

/**
 * Builds helm and the others, before any test counts its time. promtool is installed in CI only: elsewhere its package
 * may start a server, and tests that need it are left out by name.
 */
export default async function setup(project: TestProject): Promise<void> {
  if (process.env['CI']) execFileSync(INSTALL, ['prometheus'], { stdio: 'inherit', timeout: 300_000 });
  project.provide('tools', await builtTools());
}
