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
      readonly spec?: { readonly containers?: readonly Container[] };
    };
  };
}

/** Applies a folder of the checkout as a person would. Resolves once the API server serves our kinds. */
export async function applyFolder(cluster: Cluster, folder: 'crds' | 'deploy'): Promise<void> {
  await kubectl(cluster, 'apply', '-k', path.join(CHECKOUT, folder));
  await kubectl(cluster, 'wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
}

/** A container of a pod, what a test reads of it. */
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom?: { readonly fieldRef?: { fieldPath: string } };
  }[];
}

export type Instead = Readonly<Record<string, string | undefined>>;

type DeployedFile = 'operator.yaml' | 'agent.yaml' | 'snapshots/csi-snapshotter.yaml';

/**
 * Reads the arguments of a container from deploy/, replacing those that `instead` names; `undefined` leaves one out.
 */
export function deployedArgs(file: DeployedFile, container: string, instead: Instead): string[] {
  const documents = parseAllDocuments(readFileSync(path.join(CHECKOUT, 'deploy', file), 'utf8'));
  const workloads = documents.map((document) => document.toJS() as Workload);
  return argsOf(
    workloads.flatMap(({ spec }) => spec?.template?.spec?.containers ?? []),
    container,
    instead,
  );
}

/** The same of containers that were read already. Throws when there is none of that name. */
export function argsOf(containers: readonly Container[], container: string, instead: Instead): string[] {
  const args = containers.find(({ name }) => name === container)?.args;
  if (!args) throw new Error(`there is no container ${container}`);
  const nameOf = (arg: string): string => /^--([^=]+)/.exec(arg)?.[1] ?? arg;
  const kept = args.filter((arg) => !Object.hasOwn(instead, nameOf(arg)));
  const given = Object.entries(instead).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  return [...kept, ...given];
}

/** The environment of a container, with these values for the fields that it refers to. */
export function envOf(
  containers: readonly Container[],
  container: string,
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const env = containers.find(({ name }) => name === container)?.env ?? [];
  return Object.fromEntries(
    env.map(({ name, valueFrom }) => [name, fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? '']),
  );
}
