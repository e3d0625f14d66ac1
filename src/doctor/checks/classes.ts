import { checkTopologies, topologyTerms } from '../../model/class-topologies.ts';
import { checkReserved } from '../../model/reserved-parameters.ts';
import { textOf } from '../../model/fault.ts';
import type { StorageClass } from '../../model/objects.ts';
import { CLASS_PARAMETERS } from '../../model/parameters.ts';
import { parseStorageClass, type VolumePolicy } from '../../model/storage-class.ts';
import { LEGACY_DRIVER, PARAM_EXPAND_SECRET, PARAM_FS_TYPE, PARAM_STAGE_SECRET } from '../../model/well-known.ts';
import { isInstalled, nameOf, some, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import { APPLY_AGAIN } from '../model/mend.ts';

/** StorageClasses, the CSIDriver object and snapshot classes. */
export function checkClasses(facts: Facts): readonly Finding[] {
  const { classes = [], settings } = facts;
  const ours = classes.filter(({ provisioner }) => provisioner === settings.driver);
  return [
    ...driverObject(facts),
    ...ours.flatMap((each) => classFindings(each, facts)),
    ...classes
      .filter(({ provisioner }) => provisioner === LEGACY_DRIVER && settings.driver !== LEGACY_DRIVER)
      .map((each) => oldDriver(each, facts)),
    ...snapshots(facts),
  ];
}

const again = (name: string, change: string): string =>
  `kubectl get sc ${name} -o yaml > ${name}.yaml; ${change} in the file; kubectl replace --force -f ${name}.yaml   (volumes that exist stay as they are)`;

function classFindings(storageClass: StorageClass, facts: Facts): Finding[] {
  const name = nameOf(storageClass);
  const object = `StorageClass/${name}`;
  const { parameters = {}, mountOptions, volumeBindingMode = 'Immediate', allowedTopologies = [] } = storageClass;
  const unknown = Object.keys(parameters).filter((key) => !isKnown(key));
  const findings = unknown.map((key) =>
    found(
      'ClassParameterUnknown',
      object,
      `Nobody reads its parameter ${key}${nearest(key)}.`,
      again(name, 'correct it'),
    ),
  );
  if (volumeBindingMode !== 'WaitForFirstConsumer')
    findings.push(
      found(
        'ClassBindsAtOnce',
        object,
        `Its volumeBindingMode is ${volumeBindingMode}.`,
        again(name, 'set volumeBindingMode: WaitForFirstConsumer'),
      ),
    );
  try {
    checkTopologies(topologyTerms(allowedTopologies));
    checkReserved(parameters);
    return [...findings, ...fitsNowhere(object, parseStorageClass(parameters, mountOptions), facts)];
  } catch (error) {
    return [...findings, found('ClassInvalid', object, `${textOf(error)}.`, again(name, 'correct it'))];
  }
}

const KUBERNETES = new Set<string>([
  PARAM_FS_TYPE,
  ...[PARAM_STAGE_SECRET, PARAM_EXPAND_SECRET].flatMap(({ name, namespace }) => [name, namespace]),
]);

const isKnown = (key: string): boolean =>
  Object.hasOwn(CLASS_PARAMETERS, key) || KUBERNETES.has(key) || key.toLowerCase() === 'fstype';

/** The name that was meant, where one differs in case, a letter or a swap. */
function nearest(key: string): string {
  const known = [...Object.keys(CLASS_PARAMETERS), PARAM_FS_TYPE];
  const near = known.find((name) => distance(name.toLowerCase(), key.toLowerCase()) <= 2);
  return near === undefined ? '' : `: ${near} is meant`;
}

/** Letters to add, take out or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split('').entries())
      next.push(Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    row = next;
  }
  return row.at(-1) ?? 0;
}

function fitsNowhere(
  object: string,
  { kind, vgName, mediaType }: VolumePolicy,
  { storages, settings }: Facts,
): Finding[] {
  const reports = (storages ?? []).flatMap(({ status }) => status ?? []);
  if (reports.length === 0) return [];
  const edit = `kubectl edit nlsc ${settings.initConfig}`;
  if (vgName !== undefined) {
    const groups = new Set(reports.flatMap(({ filteredStorageInfo }) => filteredStorageInfo?.volumeGroups ?? []));
    if (groups.has(vgName)) return [];
    const there = groups.size === 0 ? 'no node manages a group' : `there are ${some([...groups].toSorted())}`;
    return [found('ClassFitsNowhere', object, `No node manages a volume group ${vgName}; ${there}.`, edit)];
  }
  if (kind !== 'Device' || mediaType === undefined) return [];
  const disks = reports.flatMap(({ filteredStorageInfo, nodeStorageInfo }) =>
    (nodeStorageInfo?.deviceInfo ?? []).filter(({ name }) => filteredStorageInfo?.devices?.includes(name)),
  );
  // Where no disk is offered at all, nobody uses such classes: those of deploy/ are there for who does.
  if (disks.length === 0 || disks.some((disk) => disk.mediaType === mediaType)) return [];
  return [found('ClassFitsNowhere', object, `No node offers a disk that is ${mediaType}.`, edit)];
}

function oldDriver(storageClass: StorageClass, { settings, pvs = [] }: Facts): Finding {
  const name = nameOf(storageClass);
  const volumes = pvs.filter(({ spec }) => spec?.storageClassName === name).length;
  const what = `Its provisioner is ${LEGACY_DRIVER}; ${volumes} volumes are of this class.`;
  return found('ClassOfOldDriver', `StorageClass/${name}`, what, again(name, `set provisioner: ${settings.driver}`));
}

function driverObject(facts: Facts): Finding[] {
  const { drivers, settings } = facts;
  if (!drivers || !isInstalled(facts)) return [];
  const object = `CSIDriver/${settings.driver}`;
  const spec = drivers.find((each) => nameOf(each) === settings.driver)?.spec;
  if (!spec) return [found('DriverObjectMissing', object, 'It is not there.', APPLY_AGAIN)];
  const problems = [
    ...(spec.attachRequired === false ? [] : ['attachRequired must be false: nobody attaches']),
    ...(spec.podInfoOnMount === true ? [] : ['podInfoOnMount must be true: inline volumes need it']),
    ...(spec.storageCapacity === true
      ? []
      : ['storageCapacity must be true: without the extender nodes are chosen by it']),
    ...(spec.volumeLifecycleModes?.includes('Ephemeral') ? [] : ['volumeLifecycleModes must have Ephemeral']),
  ];
  if (problems.length === 0) return [];
  return [
    found(
      'DriverObjectWrong',
      object,
      `${problems.join('; ')}.`,
      'kubectl apply -f deploy/csidriver.yaml   (where a field may not change: kubectl replace --force with the same file; pods that run are not touched)',
    ),
  ];
}

function snapshots({ snapshotClasses = [], operator, settings, namespace }: Facts): Finding[] {
  const ours = snapshotClasses.filter(({ driver }) => driver === settings.driver);
  if (ours.length === 0 || !operator) return [];
  const containers = operator.spec?.template?.spec?.containers ?? [];
  if (containers.some(({ name, image = '' }) => name.includes('csi-snapshotter') || image.includes('csi-snapshotter')))
    return [];
  const what = `${some(ours.map((each) => `VolumeSnapshotClass ${nameOf(each)}`))} is ours, and the operator has no container csi-snapshotter.`;
  return [
    found(
      'SnapshotsIncomplete',
      `Deployment/${namespace}/${nameOf(operator)}`,
      what,
      'kubectl apply -k examples/with-snapshots',
    ),
  ];
}
