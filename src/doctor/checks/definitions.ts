import { API_VERSION } from '../../model/well-known.ts';
import type { Definition } from '../../definitions/definition.ts';
import { fieldsMissing } from '../../definitions/schema-fields.ts';
import { DEFINITION_FIELDS } from '../../definitions/definition-fields.ts';
import { some, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { APPLY_AGAIN, APPLY_DEFINITIONS } from '../model/mend.ts';

/** The custom resource definitions against what this program writes, and the admission policies. */
export function checkDefinitions({ definitions, policies }: Facts): readonly Finding[] {
  return [...(definitions ? definitionFindings(definitions) : []), ...(policies ? policyFindings(policies) : [])];
}

function definitionFindings(definitions: ReadonlyMap<string, Definition>): Finding[] {
  return Object.entries(DEFINITION_FIELDS).flatMap(([name, fields]) => {
    const object = `CustomResourceDefinition/${name}`;
    const definition = definitions.get(name);
    if (!definition) return [found('DefinitionMissing', object, 'It is not there.', APPLY_DEFINITIONS)];
    const whole = fieldsMissing(definition, fields);
    if (whole === undefined)
      return [found('DefinitionMissing', object, `It does not serve version ${API_VERSION}.`, APPLY_DEFINITIONS)];
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
