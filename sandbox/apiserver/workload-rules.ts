import { matches } from '../../src/model/label-selector.ts';
import { type Cause, wrong } from './failure.ts';
import { at, isObject, type JsonObject, type Stored } from './json.ts';
import type { KindRules } from './kind.ts';
import { defaults, frozen, objectIn, POD_DEFAULTS, required } from './kind-rules.ts';

/** What a workload's spec and its pods' spec start with. */
function workloadDefaults(object: Stored, values: JsonObject, pod: JsonObject = {}): void {
  const spec = objectIn(object, 'spec');
  defaults(spec, values);
  defaults(objectIn(objectIn(spec, 'template'), 'spec'), { ...pod, ...POD_DEFAULTS, ...pod });
}

/** A workload whose own pods it would not find is refused. */
function templateCauses(object: Stored): Cause[] {
  const missing = required(object, 'spec.selector', 'spec.template.spec.containers');
  const selector = at(object, ['spec', 'selector']);
  if (missing.length > 0 || !isObject(selector)) return missing;
  const labels = at(object, ['spec', 'template', 'metadata', 'labels']) ?? {};
  if (matches(selector, labels as Record<string, string>)) return [];
  const field = 'spec.template.metadata.labels';
  return [wrong.value(field, labels, '`selector` does not match template `labels`')];
}

export const deploymentRules: KindRules = {
  defaults: (object) =>
    workloadDefaults(object, {
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    }),
  prepareCreate: (object) => void (object['status'] = {}),
  validate: templateCauses,
  validateUpdate: frozen('spec.selector'),
};

export const replicaSetRules: KindRules = {
  defaults: (object) => workloadDefaults(object, { replicas: 1 }),
  prepareCreate: (object) => void (object['status'] = { replicas: 0 }),
  validate: templateCauses,
  validateUpdate: frozen('spec.selector'),
};

export const daemonSetRules: KindRules = {
  defaults: (object) =>
    workloadDefaults(object, {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
    }),
  prepareCreate(object) {
    object['status'] = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  },
  validate: templateCauses,
  validateUpdate: frozen('spec.selector'),
};

const JOB_DEFAULTS: JsonObject = { backoffLimit: 6, completionMode: 'NonIndexed', suspend: false };

/** A Job's pods end; Always is what a pod has that does not say. */
function jobCauses(object: Stored, template: readonly string[]): Cause[] {
  const policy = at(object, [...template, 'spec', 'restartPolicy']);
  const field = [...template, 'spec', 'restartPolicy'].join('.');
  return [
    ...required(object, [...template, 'spec', 'containers'].join('.')),
    ...(policy === 'OnFailure' || policy === 'Never'
      ? []
      : [wrong.unsupported(field, policy ?? 'Always', ['OnFailure', 'Never'])]),
  ];
}

/** The label by which a Job knows its pods: its own uid, which nobody else has. */
const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';

export const jobRules: KindRules = {
  defaults: (object) => workloadDefaults(object, { parallelism: 1, completions: 1, ...JOB_DEFAULTS }),
  prepareCreate(object) {
    object['status'] = {};
    const { uid = '', name = '' } = object.metadata;
    const spec = objectIn(object, 'spec');
    if (spec['manualSelector'] === true) return;
    spec['selector'] = { matchLabels: { [CONTROLLER_UID]: uid } };
    const metadata = objectIn(objectIn(spec, 'template'), 'metadata');
    const own = {
      [CONTROLLER_UID]: uid,
      'batch.kubernetes.io/job-name': name,
      'controller-uid': uid,
      'job-name': name,
    };
    Object.assign(objectIn(metadata, 'labels'), own);
  },
  validate: (object) => jobCauses(object, ['spec', 'template']),
  validateUpdate: frozen('spec.selector', 'spec.template', 'spec.completions', 'spec.completionMode'),
};

export const cronJobRules: KindRules = {
  defaults(object) {
    const limits = { successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 };
    defaults(objectIn(object, 'spec'), { concurrencyPolicy: 'Allow', suspend: false, ...limits });
  },
  prepareCreate: (object) => void (object['status'] = {}),
  validate: (object) => [
    ...required(object, 'spec.schedule'),
    ...jobCauses(object, ['spec', 'jobTemplate', 'spec', 'template']),
  ],
};

export const budgetRules: KindRules = {
  prepareCreate(object) {
    object['status'] = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  validate(object) {
    const both = ['minAvailable', 'maxUnavailable'].every((field) => at(object, ['spec', field]) !== undefined);
    return both ? [wrong.value('spec', null, 'minAvailable and maxUnavailable cannot be both set')] : [];
  },
};

export const serviceRules: KindRules = {
  defaults(object) {
    const spec = objectIn(object, 'spec');
    defaults(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
    for (const port of Array.isArray(spec['ports']) ? spec['ports'] : [])
      if (isObject(port)) defaults(port, { protocol: 'TCP', targetPort: port['port'] ?? null });
  },
};
