import { find } from '../kube/find.ts';
import { LEASES } from '../kube/lease/lease-record.ts';
import {
  CLAIMS,
  CSI_NODES,
  INIT_CONFIGS,
  LOCAL_VOLUMES,
  MUTATING_BINDINGS,
  MUTATING_POLICIES,
  NODES,
  NODE_LOCAL_STORAGES,
  PODS,
  STORAGE_CLASSES,
  VOLUMES,
  VOLUME_SNAPSHOTS,
  VOLUME_SNAPSHOT_CONTENTS,
} from '../kube/resource.ts';
import { present } from '../model/present.ts';
import { OF_NODES_THERE } from '../model/nodes-there.ts';
import { OPERATOR } from '../model/well-known.ts';
import { SECRETS, secretNames } from '../operator/serving/keep-certificates.ts';
import { DEFINITIONS } from '../definitions/definition.ts';
import { DEFINITION_FIELDS } from '../definitions/definition-fields.ts';
import type { Certificates, Facts, Unseen } from './model/facts.ts';
import {
  COMPONENT_PODS,
  DAEMON_SETS,
  DEPLOYMENTS,
  DRIVER_OBJECTS,
  EVENTS,
  NAMESPACES,
  POLICIES,
  SERVICES,
  SLICES,
  SNAPSHOT_CLASSES,
  type Workload,
} from './model/kinds.ts';
import { createLook, type Look, type Reader } from './look.ts';
import { readDenied } from './read-denied.ts';
import { readSchedulers } from './read-schedulers.ts';
import { isComponent, settingsOf } from './settings.ts';

export interface ReadOptions {
  readonly version: string;
  readonly namespace: string;
  /** The time by the clock of the API server, ms since 1970; asked for when all is read. */
  readonly now: () => number;
}

/**
 * Reads all that the checks need: lists of what the cluster has, and single objects of the installation. Throws
 * ApiError where the API server does not answer at all, or knows nobody by these credentials.
 */
export async function readCluster(client: Reader, options: ReadOptions, signal: AbortSignal): Promise<Facts> {
  const { version, namespace } = options;
  const unseen: Unseen[] = [];
  const look = createLook(client, unseen, signal);
  const deployments = await look.list(DEPLOYMENTS);
  const daemonSets = await look.list(DAEMON_SETS);
  const operator = deployments?.find((each) => isComponent(each, namespace, 'operator'));
  const agents = daemonSets?.find((each) => isComponent(each, namespace, 'agent'));
  const settings = settingsOf(operator);
  const [installation, storage, volumes] = [
    await readInstallation(look, { namespace, ...settings }),
    await readStorage(look),
    await readVolumes(look),
  ];
  const own = present({ deployments, daemonSets, operator, agents });
  const policies = await readPolicies(look, operator, agents);
  const marking = await readMarking(look);
  const schedulers = await readSchedulers(look, namespace, deployments ?? []);
  const certificates =
    operator && settings.tlsSecret ? await readCertificates(look, namespace, settings.tlsSecret) : undefined;
  const rights = operator || !deployments ? await readDenied(look, { namespace, settings, operator, agents }) : {};
  return {
    ...{ version, namespace, settings, unseen, now: options.now() },
    ...{ ...own, ...installation, ...storage, ...volumes, ...rights },
    ...present({ policies, marking, schedulers, certificates }),
  };
}

type Part<K extends keyof Facts> = Partial<Pick<Facts, K>>;

async function readInstallation(
  look: Look,
  { namespace, service }: { readonly namespace: string; readonly service: string },
): Promise<Part<'definitions' | 'ownNamespace' | 'operatorPods' | 'agentPods' | 'lease' | 'service' | 'slices'>> {
  const pods = (component: string) =>
    look.list(COMPONENT_PODS, { namespace, labelSelector: `app.kubernetes.io/component=${component}` });
  const definitions = await look.tried('customresourcedefinitions', async () => {
    const found = await Promise.all(
      Object.keys(DEFINITION_FIELDS).map((name) => find(look.client, DEFINITIONS, { name }, look.signal)),
    );
    return new Map(found.flatMap((each) => (each ? [[each.metadata.name ?? '', each] as const] : [])));
  });
  return present({
    definitions,
    ownNamespace: await look.find(NAMESPACES, { name: namespace }),
    operatorPods: await pods('operator'),
    agentPods: await pods('agent'),
    lease: await look.find(LEASES, { namespace, name: OPERATOR }),
    service: await look.find(SERVICES, { namespace, name: service }),
    slices: await look.list(SLICES, { namespace, labelSelector: `kubernetes.io/service-name=${service}` }),
  });
}

const readStorage = async (look: Look) =>
  present({
    nodes: await look.list(NODES),
    storages: await look.list(NODE_LOCAL_STORAGES, { labelSelector: OF_NODES_THERE }),
    initConfigs: await look.list(INIT_CONFIGS),
    csiNodes: await look.list(CSI_NODES),
    drivers: await look.list(DRIVER_OBJECTS),
    classes: await look.list(STORAGE_CLASSES),
    snapshotClasses: await look.list(SNAPSHOT_CLASSES),
    snapshots: await look.list(VOLUME_SNAPSHOTS),
    contents: await look.list(VOLUME_SNAPSHOT_CONTENTS),
  });

const readVolumes = async (look: Look) =>
  present({
    volumes: await look.list(LOCAL_VOLUMES),
    pvs: await look.list(VOLUMES),
    claims: await look.list(CLAIMS),
    pendingPods: await look.list(PODS, { fieldSelector: 'status.phase=Pending' }),
    events: await look.list(EVENTS, { fieldSelector: 'reason=ProvisioningFailed' }),
  });

/** All or nothing: of a part that may not be read nothing is to be said. */
const readCertificates = (look: Look, namespace: string, secret: string): Promise<Certificates | undefined> =>
  look.tried(`Secret ${namespace}/${secret}`, async () => {
    const names = secretNames(secret);
    const of = (name: string) => find(look.client, SECRETS, { namespace, name }, look.signal);
    return {
      authority: await of(names.authority),
      server: await of(names.server),
      client: await of(names.client),
    };
  });

async function readMarking(look: Look): Promise<Facts['marking']> {
  const policies = await look.list(MUTATING_POLICIES);
  const bindings = await look.list(MUTATING_BINDINGS);
  return policies && bindings && { policies, bindings };
}

/** Called after what they hold to their own. */
function readPolicies(
  look: Look,
  operator: Workload | undefined,
  agents: Workload | undefined,
): Promise<ReadonlyMap<string, boolean> | undefined> {
  const names = [
    ...(agents ? [`${agents.metadata.name}-own-node`] : []),
    ...(operator ? [`${operator.metadata.name}-lets-go`] : []),
  ];
  return look.tried('validatingadmissionpolicies', async () => {
    const found = await Promise.all(names.map((name) => find(look.client, POLICIES, { name }, look.signal)));
    return new Map(names.map((name, i) => [name, found[i] !== undefined]));
  });
}
