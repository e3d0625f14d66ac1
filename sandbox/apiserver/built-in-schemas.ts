import type { Schema } from './schema.ts';

/** Of built-in kinds only how their lists merge is known: by keys, as a set, or (all others) as one. */

const keyed = (keys: readonly string[], properties: Schema['properties'] = {}): Schema => ({
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  items: { type: 'object', properties },
});
const fields = (properties: NonNullable<Schema['properties']>): Schema => ({ type: 'object', properties });
const TCP: Schema = { type: 'string', default: 'TCP' };

export const STATUS_CONDITIONS: Schema = fields({ conditions: keyed(['type']) });

export const DRIVERS: Schema = fields({ drivers: keyed(['name']) });

export const SERVICE_SPEC: Schema = fields({ ports: keyed(['port', 'protocol'], { protocol: TCP }) });

const CONTAINERS = keyed(['name'], {
  env: keyed(['name']),
  ports: keyed(['containerPort', 'protocol'], { protocol: TCP }),
  volumeMounts: keyed(['mountPath']),
  volumeDevices: keyed(['devicePath']),
});

export const POD_SPEC: Schema = fields({
  containers: CONTAINERS,
  initContainers: CONTAINERS,
  ephemeralContainers: CONTAINERS,
  volumes: keyed(['name']),
  imagePullSecrets: keyed(['name']),
  hostAliases: keyed(['ip']),
  topologySpreadConstraints: keyed(['topologyKey', 'whenUnsatisfiable']),
  schedulingGates: keyed(['name']),
});

/** Of a kind with `spec.template`, whose pods it makes. */
export const TEMPLATED: Schema = fields({
  spec: fields({ template: fields({ spec: POD_SPEC }) }),
  status: STATUS_CONDITIONS,
});

export const POD: Schema = fields({ spec: POD_SPEC, status: STATUS_CONDITIONS });
