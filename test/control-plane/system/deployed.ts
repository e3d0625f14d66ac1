import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from '../cluster/cluster.ts';
import { kubectl } from '../cluster/identities.ts';
import { CHECKOUT } from '../cluster/program.ts';

interface Workload {
  readonly kind?: string;
  readonly spec?: {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { readonly name: string; readonly args?: readonly string[] }[] };
    };
  };
}

/** Applies a folder of the checkout as a person would. Resolves once the API server serves our kinds. */
export async function applyFolder(cluster: Cluster, folder: 'crds' | 'deploy'): Promise<void> {
  await kubectl(cluster, 'apply', '-k', path.join(CHECKOUT, folder));
  await kubectl(cluster, 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
}

/**
 * Reads the arguments of a container from deploy/, replacing those that `instead` names; `undefined` leaves one out.
 */
export function deployedArgs(
  file: 'operator.yaml' | 'agent.yaml',
  container: string,
  instead: Readonly<Record<string, string | undefined>>,
): string[] {
  const documents = parseAllDocuments(readFileSync(path.join(CHECKOUT, 'deploy', file), 'utf8'));
  const workloads = documents.map((document) => document.toJS() as Workload);
  const containers = workloads.flatMap(({ spec }) => spec?.template?.spec?.containers ?? []);
  const args = containers.find(({ name }) => name === container)?.args;
  if (!args) throw new Error(`deploy/${file} has no container ${container}`);
  const nameOf = (arg: string): string => /^--([^=]+)/.exec(arg)?.[1] ?? arg;
  const kept = args.filter((arg) => !Object.hasOwn(instead, nameOf(arg)));
  const given = Object.entries(instead).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  return [...kept, ...given];
}
