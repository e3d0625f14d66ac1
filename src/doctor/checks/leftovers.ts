import { SNAPSHOT_SOURCE } from '../../model/snapshot-objects.ts';
import { DEFAULT_DRIVER, LEGACY_DRIVER, LOST } from '../../model/well-known.ts';
import { inWords } from '../../model/in-words.ts';
import { nameOf, placeOf, since, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import type { Workload } from '../model/kinds.ts';

/** What an earlier installation, or a node that is gone, left behind. */
export function checkLeftovers(facts: Facts): readonly Finding[] {
  return [...installations(facts), ...reports(facts), ...claims(facts)];
}

const LET_GO_MS = 300_000;

/**
 * Claims on which snapshot-controller left its finalizer: of snapshots of one claim that are deleted together, each of
 * its workers may see another's (kubernetes-csi/external-snapshotter issue 764). Nothing takes it off later.
 */
function claims({ claims: all = [], snapshots, now }: Facts): Finding[] {
  if (!snapshots) return [];
  const sources = new Set(
    snapshots.map(({ metadata, spec }) => `${metadata.namespace}/${spec?.source?.persistentVolumeClaimName}`),
  );
  return all
    .filter(({ metadata }) => metadata.finalizers?.includes(SNAPSHOT_SOURCE))
    .filter((claim) => !sources.has(placeOf(claim)) && (since(claim.metadata.deletionTimestamp, now) ?? 0) > LET_GO_MS)
    .map((claim) => {
      const { namespace, finalizers = [] } = claim.metadata;
      const kept = JSON.stringify({ metadata: { finalizers: finalizers.filter((one) => one !== SNAPSHOT_SOURCE) } });
      return found(
        'ClaimNotLetGo',
        `PersistentVolumeClaim/${placeOf(claim)}`,
        `It was deleted ${inWords(since(claim.metadata.deletionTimestamp, now) ?? 0)} ago, no VolumeSnapshot is made of it, and it has the finalizer ${SNAPSHOT_SOURCE}.`,
        `kubectl -n ${namespace} patch pvc ${nameOf(claim)} --type=merge -p '${kept}'`,
      );
    });
}

/** Another program of a driver of ours: by what its arguments name, or by its image. */
function installations({ deployments = [], daemonSets = [], operator, agents, settings }: Facts): Finding[] {
  const drivers = new Set([settings.driver, DEFAULT_DRIVER, LEGACY_DRIVER]);
  const isTheirs = (workload: Workload): boolean =>
    (workload.spec?.template?.spec?.containers ?? []).some(
      ({ image = '', args = [], command = [] }) =>
        /(?:^|\/)open-local(?::|@|$)/.test(image) ||
        [...command, ...args].some((arg) => [...drivers].some((driver) => arg.includes(driver))),
    );
  const is = (kind: string, workload: Workload): Finding => {
    const { namespace = '', name = '' } = workload.metadata;
    const images = (workload.spec?.template?.spec?.containers ?? []).map(({ image = '' }) => image);
    const stop =
      kind === 'DaemonSet'
        ? `kubectl -n ${namespace} patch daemonset ${name} -p '{"spec":{"template":{"spec":{"nodeSelector":{"csi.aliyun.com/switched-off":"true"}}}}}'   (stops it and can be undone; volumes stay mounted)`
        : `kubectl -n ${namespace} scale deployment ${name} --replicas=0   (stops it and can be undone)`;
    return found(
      'OtherInstallation',
      `${kind}/${placeOf(workload)}`,
      `It is not of this installation; its images: ${images.join(', ')}.`,
      stop,
    );
  };
  return [
    ...daemonSets.filter((each) => each !== agents && isTheirs(each)).map((each) => is('DaemonSet', each)),
    ...deployments
      .filter((each) => each !== operator && isTheirs(each) && (each.spec?.replicas ?? 1) > 0)
      .map((each) => is('Deployment', each)),
  ];
}

function reports({ storages = [], nodes, volumes = [] }: Facts): Finding[] {
  if (!nodes) return [];
  const there = new Set(nodes.map(nameOf));
  const used = new Set(volumes.map(({ spec }) => spec.nodeName));
  return storages
    .filter(
      (nls) => !there.has(nameOf(nls)) && !used.has(nameOf(nls)) && nls.metadata.annotations?.[LOST] === undefined,
    )
    .map((nls) =>
      found(
        'NodeReportLeftOver',
        `NodeLocalStorage/${nameOf(nls)}`,
        'There is no node of its name, and no volume is recorded there.',
        `kubectl annotate nls ${nameOf(nls)} ${LOST}="why"   (if the node will not come back; no data is touched)`,
      ),
    );
}
