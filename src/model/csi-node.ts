import type { KubeObject } from './objects.ts';

/** storage.k8s.io/v1 CSINode: which drivers the kubelet of the node of that name knows now. */
export interface CsiNode extends KubeObject {
  readonly spec?: { readonly drivers?: readonly { readonly name: string }[] };
}
