import { expressionProblem } from './cel.ts';
import { present } from '../../src/model/present.ts';
import { type Cause, wrong } from './failure.ts';
import { APPROVED, isProtected } from './groups.ts';
import { at, isObject, type JsonObject, type Stored } from './json.ts';
import { type Column, idOf, type Kind, type KindRules, type ScalePaths } from './kind.ts';
import { timestamp } from './meta.ts';
import type { Registry } from './registry.ts';
import type { Schema } from './schema.ts';
import type { Store } from './store.ts';

export const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

interface Version {
  readonly name: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
  readonly subresources?: {
    readonly status?: object;
    readonly scale?: {
      readonly specReplicasPath: string;
      readonly statusReplicasPath: string;
      readonly labelSelectorPath?: string;
    };
  };
  readonly additionalPrinterColumns?: readonly Column[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

interface DefinitionSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: {
    readonly plural: string;
    readonly kind: string;
    readonly singular?: string;
    readonly listKind?: string;
    readonly shortNames?: readonly string[];
  };
  readonly versions: readonly [Version, ...Version[]];
}

const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** The kind a CustomResourceDefinition defines: the version that is stored, the only one this server serves. */
export function kindOfDefinition(definition: Stored): Kind {
  const spec = definition['spec'] as DefinitionSpec;
  const { names } = spec;
  const version = spec.versions.find((one) => one.storage === true) ?? spec.versions[0];
  return {
    group: spec.group,
    version: version.name,
    plural: names.plural,
    kind: names.kind,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    namespaced: spec.scope === 'Namespaced',
    custom: true,
    status: version.subresources?.status !== undefined,
    generation: true,
    unconditionalUpdate: false,
    createOnUpdate: false,
    returnsDeleted: false,
    selectable: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.slice(1)),
    columns: version.additionalPrinterColumns ?? [AGE],
    schema: version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    rules: {},
    ...present({ scale: scalePaths(version.subresources?.scale) }),
  };
}

function scalePaths(scale: NonNullable<Version['subresources']>['scale']): ScalePaths | undefined {
  if (!scale) return undefined;
  const fields = (path: string): string[] => path.split('.').slice(1);
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return {
    spec: fields(specReplicasPath),
    status: fields(statusReplicasPath),
    ...(labelSelectorPath === undefined ? {} : { selector: fields(labelSelectorPath) }),
  };
}

/** CustomResourceDefinitions themselves; `now` for their conditions. */
export const definitionRules = (now: () => number): KindRules => ({
  prepareCreate(object) {
    const since = timestamp(now());
    object['status'] = {
      acceptedNames: at(object, ['spec', 'names']) ?? {},
      conditions: [
        condition('NamesAccepted', 'NoConflicts', since),
        condition('Established', 'InitialNamesAccepted', since),
      ],
      storedVersions: [],
    };
  },
  validate: definitionCauses,
});

const condition = (type: string, reason: string, lastTransitionTime: string): JsonObject => ({
  type,
  status: 'True',
  lastTransitionTime,
  reason,
  message: '',
});

function definitionCauses(object: Stored): Cause[] {
  const plural = at(object, ['spec', 'names', 'plural']);
  const group = at(object, ['spec', 'group']);
  const versions = at(object, ['spec', 'versions']);
  const causes: Cause[] = [];
  if (typeof group !== 'string' || group === '') causes.push(wrong.required('spec.group'));
  if (typeof plural !== 'string' || plural === '') causes.push(wrong.required('spec.names.plural'));
  if (typeof at(object, ['spec', 'names', 'kind']) !== 'string') causes.push(wrong.required('spec.names.kind'));
  if (!Array.isArray(versions) || versions.length === 0 || !versions.every(isObject))
    causes.push(wrong.required('spec.versions'));
  if (causes.length > 0) return causes;
  causes.push(...approvalCauses(String(group), object));
  const name = `${String(plural)}.${String(group)}`;
  if (object.metadata.name !== name) {
    causes.push(wrong.value('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  const schema = kindOfDefinition(object).schema;
  return [...causes, ...ruleProblems(schema, 'spec.validation.openAPIV3Schema')];
}

/** In the groups of the Kubernetes community a kind is defined with its approval, or with a word that there is none. */
function approvalCauses(group: string, { metadata }: Stored): Cause[] {
  const field = `metadata.annotations[${APPROVED}]`;
  const approval = metadata.annotations?.[APPROVED] ?? '';
  if (!isProtected(group) || approval.startsWith('unapproved') || URL.canParse(approval)) return [];
  if (approval !== '')
    return [
      wrong.value(
        field,
        approval,
        `protected groups must have approval annotation ${JSON.stringify(APPROVED)} with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
      ),
    ];
  return [
    wrong.required(
      field,
      `protected groups must have approval annotation ${JSON.stringify(APPROVED)}, see https://github.com/kubernetes/enhancements/pull/1111`,
    ),
  ];
}

/** Rules that cannot be compiled, here and below. */
function ruleProblems(schema: Schema, path: string): Cause[] {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule }, i) => {
    const problem = expressionProblem(rule);
    const field = `${path}.x-kubernetes-validations[${i}].rule`;
    return problem === '' ? [] : [wrong.value(field, rule, `compilation failed: ${problem}`)];
  });
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...own,
    ...Object.entries(properties).flatMap(([field, one]) => ruleProblems(one, `${path}.properties[${field}]`)),
    ...(items === undefined ? [] : ruleProblems(items, `${path}.items`)),
    ...(typeof additionalProperties === 'object'
      ? ruleProblems(additionalProperties, `${path}.additionalProperties`)
      : []),
  ];
}

/** Makes the registry serve exactly what the stored definitions define; objects of a kind that is gone go with it. */
export function syncCustomKinds(store: Store, registry: Registry): void {
  const defined = new Map(
    store
      .collection(DEFINITIONS)
      .list('')
      .map(({ object }) => kindOfDefinition(object))
      .map((kind) => [idOf(kind), kind]),
  );
  for (const kind of registry.kinds()) {
    if (!kind.custom || defined.has(idOf(kind))) continue;
    for (const { key } of store.collection(idOf(kind)).list('')) store.remove(idOf(kind), key);
    registry.remove(idOf(kind));
  }
  for (const kind of defined.values()) {
    registry.remove(idOf(kind));
    registry.add(kind);
  }
}
