import { diagnose } from '../doctor/doctor.ts';
import type { Look } from '../doctor/look.ts';
import type { Unseen } from '../doctor/model/facts.ts';
import { COMPONENT_PODS, DAEMON_SETS, DEPLOYMENTS, EVENTS, type ComponentPod } from '../doctor/model/kinds.ts';
import { readCluster } from '../doctor/read-cluster.ts';
import { asText as doctorSays } from '../doctor/tell.ts';
import type { KubeClient } from '../kube/client.ts';
import { CSI_DRIVERS, INIT_CONFIGS, STORAGE_CAPACITIES } from '../kube/resource.ts';
import { driversOf, podFacts } from '../model/decode.ts';
import type { KubeObject } from '../model/objects.ts';
import { complaintsOf, disksOf } from './disks.ts';
import { readRoom, type Room } from './room.ts';
import type { Screen } from './screen/screen.ts';
import type { ArchiveFile } from './tar.ts';
import { asText, caveats } from './tell.ts';
import { tellDisks } from './tell-disks.ts';
import { tellTop, TOPS } from './tell-top.ts';
import { tellVolumes } from './tell-volumes.ts';
import { topOf } from './top.ts';
import { volumeRows } from './volumes.ts';
import { nodeOf, plain, withoutContainers } from './without-secrets.ts';

export interface Support {
  readonly client: KubeClient;
  readonly look: Look;
  readonly unseen: readonly Unseen[];
  readonly now: () => number;
  /** Where open-local is installed. */
  readonly namespace: string;
  readonly version: string;
  /** Of the log of each container so many lines, the last ones. */
  readonly logLines: number;
}

/** For a file, which nobody's terminal bounds. */
const FILE: Screen = { width: Number.POSITIVE_INFINITY, colour: false };

/**
 * What somebody needs who helps from afar: what the commands of people say, the objects behind it, and the logs of
 * operators and agents. Nothing of a Secret is in them, and of pods only what is named in without-secrets.ts. Throws
 * ApiError where the API server does not answer.
 */
export async function supportFiles(support: Support): Promise<readonly ArchiveFile[]> {
  const { client, look, unseen, now, namespace, version } = support;
  const room = await readRoom({ look, unseen, now, everyPod: true });
  const ours = (await look.list(COMPONENT_PODS, { namespace })) ?? [];
  const facts = await readCluster(client, { version, namespace, now }, look.signal);
  const files = [
    { name: 'doctor.txt', text: doctorSays(facts, diagnose(facts)) },
    ...said(room),
    ...(await objects(support, room, ours)).map(([kind, items]) => ({
      name: `objects/${kind}.json`,
      text: `${JSON.stringify(items, undefined, 2)}\n`,
    })),
    ...(await logs(support, ours)),
  ];
  return [{ name: 'README.txt', text: readme(support, files) }, ...files];
}

function said(room: Room): readonly ArchiveFile[] {
  const top = topOf(room);
  const rows = volumeRows({ ...room, drivers: driversOf(room.settings.driver) });
  const told = {
    ...Object.fromEntries(TOPS.map((what) => [`top-${what}`, tellTop(what, top, FILE)])),
    disks: tellDisks(disksOf(room.storages), complaintsOf(room.storages), FILE),
    volumes: tellVolumes(rows, FILE),
  };
  return Object.entries(told).map(([name, lines]) => ({
    name: `${name}.txt`,
    text: asText([...lines, ...caveats(room, FILE)]),
  }));
}

async function objects(
  { look, namespace }: Support,
  room: Room,
  ours: readonly ComponentPod[],
): Promise<readonly [string, readonly unknown[]][]> {
  const drivers = driversOf(room.settings.driver);
  const classes = room.classes.filter(({ provisioner }) => drivers.includes(provisioner));
  const names = new Set(classes.map(({ metadata }) => metadata.name));
  const pvs = room.pvs.filter(({ spec }) => drivers.includes(spec?.csi?.driver ?? ''));
  const bound = new Set(pvs.map(({ metadata }) => metadata.name));
  const claims = room.claims.filter(
    ({ spec }) => names.has(spec?.storageClassName) || bound.has(spec?.volumeName ?? undefined),
  );
  const keys = new Set(claims.map(keyOf));
  const pods = room.pods.filter((pod) =>
    podFacts(pod, drivers).volumes.some(
      (volume) => volume.kind === 'inline' || keys.has(`${pod.metadata.namespace}/${volume.claimName}`),
    ),
  );
  const about = new Set([...claims, ...pods, ...ours].map(keyOf));
  const events = ((await look.list(EVENTS)) ?? []).filter(
    ({ involvedObject: { kind = '', namespace: at, name } = {} }) =>
      OURS.has(kind) || about.has(`${at}/${name}`) || bound.has(name),
  );
  const list = async (resource: Parameters<Look['list']>[0], options = {}): Promise<readonly KubeObject[]> =>
    (await look.list(resource, options)) ?? [];
  return [
    ['nodelocalstorageinitconfigs', (await list(INIT_CONFIGS)).map(plain)],
    ['nodelocalstorages', room.storages.map(plain)],
    ['localvolumes', room.volumes.map(plain)],
    ['storageclasses', classes.map(plain)],
    ['persistentvolumes', pvs.map(plain)],
    ['persistentvolumeclaims', claims.map(plain)],
    ['volumesnapshots', (room.snapshots ?? []).map(plain)],
    ['volumesnapshotcontents', (room.contents ?? []).map(plain)],
    ['csidrivers', (await list(CSI_DRIVERS)).map(plain)],
    ['csistoragecapacities', (await list(STORAGE_CAPACITIES, { namespace })).map(plain)],
    ['nodes', room.nodes.map(nodeOf)],
    ['pods', pods.map(withoutContainers)],
    ['pods-of-open-local', ours.map(withoutContainers)],
    ['deployments', (await list(DEPLOYMENTS, { namespace })).map(withoutContainers)],
    ['daemonsets', (await list(DAEMON_SETS, { namespace })).map(withoutContainers)],
    ['events', events.map(plain)],
    ['leases', room.lease ? [plain(room.lease)] : []],
  ];
}

const keyOf = ({ metadata: { namespace, name } }: KubeObject): string => `${namespace}/${name}`;

const OURS = new Set(['LocalVolume', 'NodeLocalStorage', 'NodeLocalStorageInitConfig', 'VolumeSnapshotContent']);

/** A container that has not started has none, and is told among what could not be looked at. */
async function logs(
  { client, look, namespace, logLines }: Support,
  pods: readonly ComponentPod[],
): Promise<readonly ArchiveFile[]> {
  const files: ArchiveFile[] = [];
  for (const { metadata, spec } of pods)
    for (const { name: container } of spec?.containers ?? []) {
      const { name = '' } = metadata;
      const text = await look.tried(`log of ${container} in pod ${name}`, () =>
        client.podLog({ namespace, name }, { container, tailLines: logLines }, look.signal),
      );
      if (text !== undefined) files.push({ name: `logs/${name.slice(-60)}/${container.slice(0, 30)}.log`, text });
    }
  return files;
}

const readme = ({ version, now, unseen, logLines }: Support, files: readonly ArchiveFile[]): string =>
  [
    `What kubectl open-local support ${version} found at ${new Date(now()).toISOString()}.`,
    '',
    'Nothing of a Secret is here. Of pods, Deployments and DaemonSets there is what decides where they go, not their environment,',
    `commands and arguments. Names are those of the cluster. Logs are the last ${logLines} lines of each container.`,
    '',
    ...files.map(({ name, text }) => `${String(Buffer.byteLength(text)).padStart(10)}  ${name}`),
    ...(unseen.length === 0
      ? []
      : ['', 'Not looked at:', ...unseen.map(({ what, problem }) => `  ${what}: ${problem}`)]),
    '',
  ].join('\n');
