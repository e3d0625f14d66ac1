import { broken, risk } from './finding-entry.ts';

/** Part of FINDINGS. */
export const HOSTNAME_FINDINGS = {
  HostnameShared: risk(
    'machines were cloned with their hostname: several nodes have one label kubernetes.io/hostname',
    'a PersistentVolume names its node by that label: its pod may be sent to a node that does not have the volume',
    'give each machine a hostname of its own',
  ),
  HostnameChanged: broken(
    'the label kubernetes.io/hostname of a node is another than when its volumes were made',
    'pods of these volumes stay pending: "volume node affinity conflict"',
    'give the node the hostname that its PersistentVolumes name',
  ),
};
