import type { HostReport, NodeLocalStorage } from '../../model/objects.ts';
import { nameOf, some, type Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';

/** What the agents tell of their machines. */
export function checkMachines(facts: Facts): readonly Finding[] {
  const wanted = wantedModules(facts);
  return (facts.storages ?? []).flatMap((nls) => {
    const host = nls.status?.host;
    if (!host) return [];
    const node = `Node/${nameOf(nls)}`;
    return [
      ...lvmetad(node, host),
      ...hiddenDisks(node, host),
      ...multipath(node, nls, host),
      ...modules(node, host, wanted),
      ...cgroup(node, host, facts),
    ];
  });
}

const lvmetad = (node: string, { lvmetad }: HostReport): Finding[] =>
  lvmetad === true
    ? [
        found(
          'LvmetadOnNode',
          node,
          'Its lvm2 uses lvmetad.',
          'on the node: set use_lvmetad=0 in the section global of /etc/lvm/lvm.conf, then systemctl disable --now lvm2-lvmetad.socket lvm2-lvmetad.service',
        ),
      ]
    : [];

function hiddenDisks(node: string, { hiddenDisks = [] }: HostReport): Finding[] {
  return ['filter', 'devices file'].flatMap((by) => {
    const disks = hiddenDisks.filter((disk) => disk.by === by).map(({ device }) => device);
    if (disks.length === 0) return [];
    const what = `${some(disks)}: the ${by} of its own lvm2 hides what volume groups are on.`;
    const mend =
      by === 'filter'
        ? 'on the node: let devices/filter and devices/global_filter in /etc/lvm/lvm.conf accept the disk; pvs must show it'
        : `on the node: ${disks.map((disk) => `lvmdevices --adddev ${disk}`).join('; ')}`;
    return [found('DiskHiddenFromNode', node, what, mend)];
  });
}

/** Only a disk that is to become a volume group or a mount point: others may be multipath's by right. */
function multipath(node: string, { spec, status }: NodeLocalStorage, { multipathDisks = [] }: HostReport): Finding[] {
  const { vgs = [], mountpoints = [] } = spec?.resourceToBeInited ?? {};
  const wanted = new Set([...vgs.flatMap(({ devices }) => devices), ...mountpoints.map(({ device }) => device)]);
  const offered = new Set(status?.filteredStorageInfo?.devices ?? []);
  const disks = multipathDisks.filter((disk) => wanted.has(disk) || offered.has(disk));
  if (disks.length === 0) return [];
  return [
    found(
      'DiskHeldByMultipath',
      node,
      `${some(disks)}: multipath has taken what is to be used here.`,
      `on the node: /lib/udev/scsi_id --whitelisted --device=${disks[0]} tells the WWID; add it to the section blacklist of /etc/multipath.conf, then multipathd reconfigure`,
      'or, where it is right that multipath has it: name /dev/mapper/MAP in place of the disk in the NodeLocalStorageInitConfig',
    ),
  ];
}

interface Wanted {
  readonly module: string;
  readonly by: string;
}

function wantedModules({ classes = [], snapshotClasses = [], settings }: Facts): readonly Wanted[] {
  const ours = classes.filter(({ provisioner }) => provisioner === settings.driver);
  const of = (fits: (parameters: Readonly<Record<string, string>>) => boolean): string =>
    some(
      ours.filter(({ parameters = {} }) => fits(parameters)).map((each) => `StorageClass ${nameOf(each)}`),
      2,
    );
  const snapshots = snapshotClasses.filter(({ driver }) => driver === settings.driver);
  const fsType = (type: string) => (parameters: Readonly<Record<string, string>>) =>
    parameters['csi.storage.k8s.io/fstype'] === type;
  return [
    { module: 'dm_mod', by: 'every logical volume' },
    {
      module: 'dm_snapshot',
      by: some(
        snapshots.map((each) => `VolumeSnapshotClass ${nameOf(each)}`),
        2,
      ),
    },
    { module: 'dm_crypt', by: of(({ encryption = '' }) => encryption !== '') },
    { module: 'xfs', by: of(fsType('xfs')) },
    { module: 'btrfs', by: of(fsType('btrfs')) },
  ].filter(({ by }) => by !== '');
}

function modules(node: string, { modules }: HostReport, wanted: readonly Wanted[]): Finding[] {
  return wanted.flatMap(({ module, by }) => {
    if (!modules?.missing?.includes(module)) return [];
    const what = `${module} is not there, and ${by} needs it.`;
    const load = `on the node: modprobe ${module} && echo ${module} > /etc/modules-load.d/${module}.conf`;
    const install =
      'on the node: install the rest of its modules (linux-modules-extra on Ubuntu, kernel-modules-core or -extra on RHEL), or exclude the node from the class';
    return [found('KernelModuleMissing', node, what, install, load)];
  });
}

const LIMITS = ['bps', 'iops', 'readBps', 'writeBps', 'readIops', 'writeIops'];

function cgroup(node: string, { cgroup }: HostReport, { classes = [], settings }: Facts): Finding[] {
  const limited = classes.filter(
    ({ provisioner, parameters = {} }) => provisioner === settings.driver && LIMITS.some((name) => parameters[name]),
  );
  if (cgroup?.io !== false || limited.length === 0) return [];
  const what = `Control groups of version ${cgroup.version} have no io controller there, and ${some(
    limited.map((each) => `StorageClass ${nameOf(each)}`),
    2,
  )} sets limits.`;
  const mend = `on the node: cat /sys/fs/cgroup/cgroup.controllers must show io: leave cgroup_disable=io out of the kernel's command line, and build it with CONFIG_BLK_CGROUP and CONFIG_BLK_DEV_THROTTLING`;
  return [found('CgroupCannotLimit', node, what, mend)];
}
