import { API_VERSION } from '../../model/well-known.ts';
import { DEFINITION_FIELDS } from '../model/definition-fields.ts';
import { fieldsOf } from '../model/schema-fields.ts';
import { some, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import type { Definition } from '../model/kinds.ts';
import { APPLY_AGAIN, APPLY_DEFINITIONS } from '../model/mend.ts';

/** The custom resource definitions against what this program writes, and the admission policies. */
export function checkDefinitions({ definitions, policies }: Facts): readonly Finding[] {
  return [...(definitions ? definitionFindings(definitions) : []), ...(policies ? policyFindings(policies) : [])];
}

function definitionFindings(definitions: ReadonlyMap<string, Definition>): Finding[] {
  return Object.entries(DEFINITION_FIELDS).flatMap(([name, fields]) => {
    const object = `CustomResourceDefinition/${name}`;
    const definition = definitions.get(name);
    const version = definition?.spec?.versions?.find((each) => each.name === API_VERSION);
    if (!definition) return [found('DefinitionMissing', object, 'It is not there.', APPLY_DEFINITIONS)];
    if (!version || version.served === false)
      return [found('DefinitionMissing', object, `It does not serve version ${API_VERSION}.`, APPLY_DEFINITIONS)];
    const known = fieldsOf(version.schema?.openAPIV3Schema);
    const missing = fields.filter((field) => !known.has(field));
    // Of a part that is missing its own parts are too: it is enough to name the whole.
    const whole = missing.filter((field) => !missing.some((other) => field.startsWith(`${other}.`)));
    if (whole.length === 0) return [];
    return [
      found(
        'DefinitionOld',
        object,
        `It lacks ${whole.length} ${whole.length === 1 ? 'field' : 'fields'}: ${some(whole)}.`,
        APPLY_DEFINITIONS,
      ),
    ];
  });
}

const policyFindings = (policies: ReadonlyMap<string, boolean>): Finding[] =>
  [...policies]
    .filter(([, isThere]) => !isThere)
    .map(([name]) => found('PolicyMissing', `ValidatingAdmissionPolicy/${name}`, 'It is not there.', APPLY_AGAIN));
