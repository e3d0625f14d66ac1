import { storageTroubles } from '../../model/storage-troubles.ts';
import { nameOf, nodesWithStorage, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';

/** What was asked of the nodes, and what became of it. */
export function checkConfiguration(facts: Facts): readonly Finding[] {
  return [...initConfig(facts), ...nodes(facts), ...nothingManaged(facts)];
}

function initConfig({ initConfigs, settings, definitions }: Facts): Finding[] {
  if (!initConfigs || (definitions && definitions.size === 0)) return [];
  const config = initConfigs.find((each) => nameOf(each) === settings.initConfig);
  const object = `NodeLocalStorageInitConfig/${settings.initConfig}`;
  if (!config) {
    const others = initConfigs.map(nameOf);
    const what =
      others.length === 0
        ? 'It is not there.'
        : `It is not there; ${others.join(', ')} is, which the operator does not read.`;
    return [
      found('ConfigMissing', object, what, 'kubectl apply -f examples/nlsc.yaml   (with the disks of these nodes)'),
    ];
  }
  return (config.status?.conditions ?? [])
    .filter(({ type, status }) => type === 'Accepted' && status === 'False')
    .map(({ message }) => found('ConfigRefused', object, message, `kubectl edit nlsc ${settings.initConfig}`));
}

function nodes({ storages = [], settings }: Facts): Finding[] {
  return storages.flatMap((nls) => {
    const object = `NodeLocalStorage/${nameOf(nls)}`;
    const describe = `kubectl describe nls ${nameOf(nls)}`;
    const conditions = nls.status?.conditions ?? [];
    const { groups, units, volumes } = storageTroubles(nls);
    const faulty = [
      ...groups.values(),
      ...units.values(),
      ...[...volumes].map(([group, names]) => `logical volumes of ${group} are not whole: ${names.join(', ')}`),
    ];
    const refused = conditions.filter(
      ({ type, status }) => status === 'False' && /^(?:VolumeGroup|MountPoint)\//.test(type),
    );
    // A group that is faulty says so in its condition too.
    const news = refused.filter(({ message }) => !faulty.includes(message));
    const edit = `kubectl edit nlsc ${settings.initConfig}`;
    return [
      ...faulty.map((what) => found('StorageFaulty', object, sentence(what), describe)),
      ...(nls.status?.failingDisks ?? []).map(({ message }) =>
        found('DiskFailing', object, sentence(message), describe),
      ),
      ...news.map(({ type, message }) => found('GroupRefused', object, `${type}: ${message}`, describe, edit)),
      ...conditions
        .filter(({ type, status }) => type === 'ConfigAccepted' && status === 'False')
        .map(({ message }) => found('ConfigRefused', object, message, edit)),
      ...conditions
        .filter(({ type, status }) => type === 'StrayVolumes' && status === 'False')
        .map(({ message }) => found('StrayVolumes', object, message, describe)),
    ];
  });
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;

/** Not while no node has reported: its agents are what is missing then. */
function nothingManaged(facts: Facts): Finding[] {
  const { storages = [], initConfigs = [], settings } = facts;
  const reporting = storages.filter(({ status }) => status?.nodeStorageInfo?.phase === 'Running');
  const isConfigured = initConfigs.some((each) => nameOf(each) === settings.initConfig);
  if (!isConfigured || reporting.length === 0 || nodesWithStorage(facts).size > 0) return [];
  const what = `None of the ${reporting.length} nodes that report manages a volume group, a disk or a mount point.`;
  return [
    found(
      'NothingManaged',
      `NodeLocalStorageInitConfig/${settings.initConfig}`,
      what,
      'kubectl get nls -o yaml   (what each node has is in status.nodeStorageInfo)',
      `kubectl edit nlsc ${settings.initConfig}`,
    ),
  ];
}
