import { repeat } from '../../daemon/repeat.ts';
import { DEFINITIONS } from '../../definitions/definition.ts';
import { fieldsMissing } from '../../definitions/schema-fields.ts';
import { DEFINITION_FIELDS } from '../../definitions/definition-fields.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events/events.ts';
import { find } from '../../kube/find.ts';
import { subjectOf } from '../../kube/subject.ts';
import type { EventReason } from '../../model/event-reasons.ts';
import type { Log } from '../../model/log.ts';

export interface OldDefinitionsDeps {
  readonly client: Pick<KubeClient, 'get'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Log;
}

const NAMED = 5;
/** As long as an API server keeps Events. */
const EVERY_MS = 3_600_000;

/** Looks at once and then each hour, until aborted. */
export async function watchDefinitions(deps: OldDefinitionsDeps, signal: AbortSignal): Promise<void> {
  const onError = (err: unknown): void => deps.log.warn({ err }, 'looking at the definitions in the cluster failed');
  await repeat(EVERY_MS, (stopping) => tellOldDefinitions(deps, stopping), onError, signal);
}

/**
 * Tells of each definition of ours that lacks fields of this version, by an Event and in the log: the API server drops
 * them from whatever is written, without a word. A volume whose order has such a field is refused; what a status lacks,
 * such as which disk a volume is on, nobody would miss. Rejects when the API server cannot be asked.
 */
export async function tellOldDefinitions(
  { client, events, log }: OldDefinitionsDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const [name, fields] of Object.entries(DEFINITION_FIELDS)) {
    const definition = await find(client, DEFINITIONS, { name }, signal);
    const missing = definition && fieldsMissing(definition, fields);
    if (!missing || missing.length === 0) continue;
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    const what = `${missing.slice(0, NAMED).join(', ')}${more}`;
    events.record({
      subject: subjectOf(DEFINITIONS, definition.metadata),
      type: 'Warning',
      reason: 'DefinitionOld' satisfies EventReason,
      message: `The definition is older than the operator and lacks ${what}: what is written there is dropped without a word. Apply crds/ of this version: kubectl apply --server-side --force-conflicts -k crds`,
    });
    log.error(
      { object: `CustomResourceDefinition/${name}`, action: what },
      'a definition in the cluster is older than this program',
    );
  }
}
