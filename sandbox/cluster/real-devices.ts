import type { InitConfig, KubeObject } from '../../src/model/objects.ts';
import { planNodeStorage } from '../../src/operator/nodes/plan-node-storage.ts';
import { withDevices } from './disks.ts';

/** A machine with the labels that nodesConfig selects by, and its devices by the story's disk names. */
export interface RealNames {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly devices: ReadonlyMap<string, string>;
}

/**
 * The same configuration for machines that each call their disks by names of their own: one entry for each machine,
 * with what the configuration had for it.
 */
export function withRealNames(config: InitConfig, machines: readonly RealNames[]): InitConfig {
  const spec = config.spec ?? {};
  const nodesConfig = machines.map(({ name, labels, devices }) => {
    const { nodeName, ...own } = planNodeStorage({ name, labels }, spec);
    return { selector: { matchLabels: { 'kubernetes.io/hostname': nodeName ?? name } }, ...withDevices(own, devices) };
  });
  return { ...config, spec: { ...spec, nodesConfig } };
}

/** Tells whether the manifest names disks. */
export const namesDisks = (object: KubeObject): object is InitConfig => object.kind === 'NodeLocalStorageInitConfig';
