import { expect, test } from 'vitest';
import { checkReserved } from './reserved-parameters.ts';

const secret = (name: string, namespace: string, what = 'node-stage-secret') => ({
  [`csi.storage.k8s.io/${what}-name`]: name,
  [`csi.storage.k8s.io/${what}-namespace`]: namespace,
});

test.each<[string, Record<string, string>]>([
  ['none', { volumeType: 'LVM', fstype: 'xfs' }],
  ['the filesystem', { 'csi.storage.k8s.io/fstype': 'xfs' }],
  ['an empty filesystem', { 'csi.storage.k8s.io/fstype': '' }],
  ['a Secret for each claim', secret("${pvc.name}-${pvc.annotations['team']}", '${pvc.namespace}')],
  ['a Secret for each volume', secret('${pv.name}', 'keys')],
  ['the default Secret', secret('key', 'keys', 'secret')],
  ['a Secret that a later version knows', secret('key', 'keys', 'controller-modify-secret')],
  ['keys of others', { 'example.com/fsType': 'xfs' }],
])('%s: csi-provisioner takes it', (_, parameters) => {
  expect(() => checkReserved(parameters)).not.toThrow();
});

test.each<[string, Record<string, string>, string]>([
  [
    'a capital letter',
    { 'csi.storage.k8s.io/fsType': 'xfs' },
    'it does not know csi.storage.k8s.io/fsType; csi.storage.k8s.io/fstype is the filesystem, in small letters',
  ],
  ['a second colon in YAML', { 'csi.storage.k8s.io/fstype:': 'xfs' }, 'it does not know csi.storage.k8s.io/fstype:'],
  [
    'a Secret without a namespace',
    { 'csi.storage.k8s.io/secret-name': 'key' },
    'csi.storage.k8s.io/secret-name and csi.storage.k8s.io/secret-namespace go together, and neither is empty',
  ],
  ['a Secret without a name', { 'csi.storage.k8s.io/secret-namespace': 'keys' }, 'go together'],
  ['an empty name', secret('', 'keys'), 'neither is empty'],
  ['an empty namespace', secret('key', ''), 'neither is empty'],
  [
    'the name of the claim as a namespace',
    secret('key', '${pvc.name}'),
    'it puts nothing in for ${pvc.name} in csi.storage.k8s.io/node-stage-secret-namespace',
  ],
  ['what it does not know', secret('${pvc.uid}', 'keys'), 'it puts nothing in for ${pvc.uid}'],
])('%s: csi-provisioner refuses every claim', (_, parameters, why) => {
  expect(() => checkReserved(parameters)).toThrow('csi-provisioner refuses every claim of the class: ');
  expect(() => checkReserved(parameters)).toThrow(why);
});
