import { annotate, changeCommand } from './change.ts';
import { NODE_LOCAL_STORAGES } from '../kube/resource.ts';
import { STORAGE_CORDONED } from '../model/well-known.ts';
import { cordoned, uncordoned } from '../people/cordon.ts';

const ARGS = [
  { name: 'NODE', names: 'node' },
  { name: 'NAME', names: 'place', optional: true },
] as const;
const target = (name: string) => ({ resource: NODE_LOCAL_STORAGES, name, annotation: STORAGE_CORDONED });

const CORDON = {
  doc: "Give no new volumes a place in a node's storage: in all of it, or in one volume group, disk or mount point.",
  args: ARGS,
  about: `Pods without such volumes still go to the node; kubectl cordon is for those. Volumes that are there stay, and may grow; new
ones, snapshots among them, go elsewhere or wait, and a pod that waits is told why.`,
  flags: {},
};

/** `kubectl open-local cordon`. */
export const cordonCommand = changeCommand('cordon', CORDON, async ({ words: [node = '', name], ...reached }) => {
  const { told } = await annotate(reached, target(node), (nls) => cordoned(nls, name));
  return [told];
});

const UNCORDON = {
  doc: "Let a node's storage get volumes again: all of it, or one volume group, disk or mount point.",
  args: ARGS,
  flags: {},
};

/** `kubectl open-local uncordon`. */
export const uncordonCommand = changeCommand('uncordon', UNCORDON, async ({ words: [node = '', name], ...reached }) => {
  const { told } = await annotate(reached, target(node), (nls) => uncordoned(nls, name));
  return [told];
});
