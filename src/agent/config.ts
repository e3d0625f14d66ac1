import { MIB, type Bytes } from '../model/bytes.ts';
import { parseWholeQuantity } from '../model/quantity.ts';
import { DEFAULT_DRIVER } from '../model/well-known.ts';
import { TRACE_FLAGS, traceConfigOf, type TraceConfig } from '../trace/flags.ts';
import { parseEndpoint, type Endpoint } from '../daemon/endpoint.ts';
import { bygone, choice, custom, duration, endpoint, optionalText, text, wholeNumber } from '../daemon/flag-types.ts';
import { bygoneIn, describeFlags, parseFlags } from '../daemon/flags.ts';
import { ERASE_POLICIES, type ErasePolicy } from '../disk/erase.ts';
import { KLOG } from '../daemon/klog-flags.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../daemon/log.ts';

export interface AgentConfig {
  /** Absent: see findAccess. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly nodeName: string;
  readonly csiEndpoint: Endpoint | undefined;
  readonly metricsEndpoint: Endpoint | undefined;
  /** Path of the socket by which the kubelet finds the driver; absent: it is not registered. */
  readonly registrationSocket: string | undefined;
  readonly driverName: string;
  /** Without a slash at its end. */
  readonly kubeletDir: string;
  /** Volumes of claims that may be in use on the node at once; 0: no limit. */
  readonly maxVolumesPerNode: number;
  readonly intervalMs: number;
  readonly snapshotIntervalMs: number;
  /** Kernel names of disks to report. */
  readonly pattern: RegExp;
  /** Without a slash at its end. */
  readonly mountRoot: string;
  readonly cgroupRoot: string;
  readonly lvmSystemDir: string | undefined;
  /** What becomes of the bytes of volumes that are removed. */
  readonly removedData: ErasePolicy;
  /** Bytes that a copy may read in a second; absent: as many as the disks give. */
  readonly copyBandwidth: Bytes | undefined;
  readonly simulatedDisks: string | undefined;
  readonly simulatedMounts: string | undefined;
  /** Absent: no trace is made. */
  readonly trace: TraceConfig | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** What of the command line has no meaning here: sentences. */
  readonly bygone: readonly string[];
}

/** SCSI, virtio, Xen and NVMe disks; whole ones: their partitions come with them. */
const DEFAULT_PATTERN = String.raw`^((s|v|xv)d[a-z]+|nvme\d+n\d+)$`;

const NO_PORT = 'nothing listens on a node';
/** Flags of open-local's `agent` and `csi`, and of klog; those with a meaning here are aliases. */
const OF_OPEN_LOCAL = {
  ...KLOG,
  master: bygone('give --kubeconfig'),
  'path.sysfs': bygone("the kernel's /sys is read"),
  lvname: bygone('volumes are known by their records and their tag'),
  endpoint: bygone('the socket is --csi-endpoint'),
  'grpc-connection-timeout': bygone(NO_PORT),
  lvmdPort: bygone(NO_PORT),
  cgroupDriver: bygone('it is seen on the node'),
  'driver-mode': bygone('the agent serves the node, the operator the controller'),
  'use-node-hostname': bygone(NO_PORT, { toggle: true }),
  'enable-spdk': bygone('there is no SPDK', { toggle: true }),
  'extender-scheduler-names': bygone('the scheduler of a pod makes no difference'),
  'framework-scheduler-names': bygone('the scheduler of a pod makes no difference'),
  ...Object.fromEntries(
    ['uds', 'proxy-host', 'proxy-port', 'proxy-mode', 'client-cert', 'client-key', 'ca-cert'].map(
      (name) => [`konnectivity-${name}`, bygone(NO_PORT)] as const,
    ),
  ),
};

const FLAGS = {
  kubeconfig: optionalText({
    placeholder: 'FILE',
    doc: "How to reach the API server; without it by the files in KUBECONFIG, else the pod's service account, else ~/.kube/config.",
  }),
  context: optionalText({ placeholder: 'NAME', doc: 'The context of the kubeconfig; without it its current one.' }),
  'node-name': text({
    placeholder: 'NAME',
    env: 'NODE_NAME',
    aliases: ['nodename', 'nodeID'],
    doc: 'The name of the Node object of this machine.',
  }),
  'csi-endpoint': endpoint({
    default: 'unix:///csi/csi.sock',
    doc: 'The socket on which the kubelet finds the CSI node service; none to serve no CSI.',
  }),
  'metrics-endpoint': endpoint({ doc: 'Where /metrics, /healthz and /readyz are served.' }),
  'kubelet-dir': custom({
    placeholder: 'FOLDER',
    default: '/var/lib/kubelet',
    parse: parseFolder,
    doc: "The kubelet's own folder, here and on the machine by the same path.",
  }),
  'registration-endpoint': custom({
    placeholder: 'unix:///PATH|auto|none',
    default: 'auto',
    parse: parseRegistration,
    doc: 'The socket by which the kubelet finds the driver. auto: plugins_registry/DRIVER-reg.sock in its folder, or none when mounts are simulated.',
  }),
  'driver-name': text({
    placeholder: 'NAME',
    default: DEFAULT_DRIVER,
    aliases: ['driver'],
    doc: 'The name of the CSI driver.',
  }),
  'max-volumes-per-node': wholeNumber({
    placeholder: 'N',
    default: 256,
    min: 0,
    max: 1024,
    doc: 'So many volumes of claims may be in use on this node at once: kube-scheduler places no pod with one more. Inline volumes are not counted. 0: no limit.',
  }),
  interval: duration({
    default: '60s',
    doc: 'How often the node is looked at although nothing is known to have changed.',
  }),
  'snapshot-interval': duration({
    default: '1s',
    doc: 'How often it is looked how full the stores of snapshots are, while there are any. A writer at full speed must not fill one in less than three such times.',
  }),
  regexp: custom({
    placeholder: 'PATTERN',
    default: DEFAULT_PATTERN,
    parse: (given) => new RegExp(given),
    doc: 'Which disks are reported, by their kernel names; their partitions come with them. Simulated disks: all, unless it is given.',
  }),
  'mount-root': custom({
    placeholder: 'FOLDER',
    default: '/mnt/open-local',
    aliases: ['path.mount'],
    parse: parseFolder,
    doc: 'Filesystems mounted directly under this folder are mount points that claims can have.',
  }),
  'cgroup-root': custom({
    placeholder: 'FOLDER',
    default: '/sys/fs/cgroup',
    parse: parseFolder,
    doc: "Where the machine's control groups are seen: limits of IO are set in those of pods.",
  }),
  'lvm-system-dir': optionalText({
    placeholder: 'FOLDER',
    doc: 'The folder of an lvm.conf to use in place of /etc/lvm.',
  }),
  'removed-data': choice(ERASE_POLICIES, {
    default: 'zero',
    doc: 'What becomes of the bytes of removed volumes. zero: overwritten, by the disk itself where it can. discard: given up to the disk, which need not show zeros. keep: left to the next owner.',
  }),
  'copy-bandwidth': custom({
    placeholder: 'QUANTITY',
    default: '',
    parse: parseBandwidth,
    doc: 'How much is copied in a second at most for a volume that is made from a snapshot or another volume, such as 100Mi. none: as much as the disks give.',
  }),
  'simulated-disks': optionalText({
    placeholder: 'FILE',
    doc: 'Disks and volume groups are entries of this JSON file, and no real one is touched. For demonstrations and tests.',
  }),
  'simulated-mounts': optionalText({
    placeholder: 'FILE',
    doc: 'Filesystems and mounts are entries of this JSON file, and no real one is made. For demonstrations and tests.',
  }),
  ...TRACE_FLAGS,
  ...OF_OPEN_LOCAL,
  'log-level': choice(LOG_LEVELS, {
    default: 'info',
    doc: 'What is logged, and all that is worse. The annotation csi.aliyun.com/log-level of its NodeLocalStorage changes it while it runs.',
  }),
  'log-format': choice(LOG_FORMATS, { default: 'json', doc: 'json, for what collects logs, or text, for people.' }),
};

/** Flags win over the environment. Throws BadFlags with every problem. */
export function parseAgentConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): AgentConfig {
  const flags = parseFlags(FLAGS, args, env);
  const isSimulated = flags['simulated-disks'] !== undefined;
  return {
    kubeconfig: flags.kubeconfig,
    context: flags.context,
    nodeName: flags['node-name'],
    csiEndpoint: flags['csi-endpoint'],
    metricsEndpoint: flags['metrics-endpoint'],
    registrationSocket: registrationSocket(flags),
    driverName: flags['driver-name'],
    kubeletDir: flags['kubelet-dir'],
    maxVolumesPerNode: flags['max-volumes-per-node'],
    intervalMs: flags.interval,
    snapshotIntervalMs: flags['snapshot-interval'],
    pattern: isSimulated && flags.regexp.source === DEFAULT_PATTERN ? /^/ : flags.regexp,
    mountRoot: flags['mount-root'],
    cgroupRoot: flags['cgroup-root'],
    lvmSystemDir: flags['lvm-system-dir'],
    removedData: flags['removed-data'],
    copyBandwidth: flags['copy-bandwidth'],
    simulatedDisks: flags['simulated-disks'],
    simulatedMounts: flags['simulated-mounts'],
    trace: traceConfigOf(flags),
    logLevel: flags['log-level'],
    logFormat: flags['log-format'],
    bygone: bygoneIn(FLAGS, args),
  };
}

/** The help text of `open-local agent`. */
export const agentHelp = (): string =>
  `open-local agent: looks after the disks, volume groups and volumes of one node.\n\n${describeFlags(FLAGS)}\n`;

function parseBandwidth(given: string): Bytes | undefined {
  if (given === '' || given === 'none') return undefined;
  const value = parseWholeQuantity(given);
  if (value >= MIB) return value;
  throw new Error(`"${given}" is less than 1Mi a second: a copy would hardly end`);
}

function parseRegistration(given: string): string | undefined {
  if (given === 'none' || given === 'auto') return given === 'none' ? undefined : given;
  const where = parseEndpoint(given);
  if (where.kind === 'unix') return where.path;
  throw new Error(`"${given}" must be a unix socket: the kubelet looks for no other`);
}

function registrationSocket(flags: {
  readonly 'registration-endpoint': string | undefined;
  readonly 'kubelet-dir': string;
  readonly 'driver-name': string;
  readonly 'simulated-mounts': string | undefined;
}): string | undefined {
  if (flags['registration-endpoint'] !== 'auto') return flags['registration-endpoint'];
  if (flags['simulated-mounts'] !== undefined) return undefined; // no kubelet would find a simulated mount
  return `${flags['kubelet-dir']}/plugins_registry/${flags['driver-name']}-reg.sock`;
}

function parseFolder(given: string): string {
  if (given.startsWith('/') && given.length > 1) return given.replace(/\/+$/, '');
  throw new Error(`"${given}" must be an absolute path`);
}
