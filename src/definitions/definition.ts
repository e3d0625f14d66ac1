import type { Resource } from '../kube/resource.ts';
import type { Condition, KubeObject } from '../model/objects.ts';

export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** A CustomResourceDefinition. */
export interface Definition extends KubeObject {
  readonly spec?: {
    readonly versions?: readonly {
      readonly name: string;
      readonly served?: boolean;
      readonly schema?: { readonly openAPIV3Schema?: Schema };
    }[];
  };
  readonly status?: { readonly conditions?: readonly Pick<Condition, 'type' | 'status'>[] };
}

export const DEFINITIONS: Resource<Definition> = {
  ...{ group: 'apiextensions.k8s.io', version: 'v1', namespaced: false },
  ...{ plural: 'customresourcedefinitions', kind: 'CustomResourceDefinition' },
};
