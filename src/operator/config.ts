import { isIP } from 'node:net';
import type { Strategy } from '../capacity/placing/search.ts';
import type { AntiAffinity } from '../capacity/placing/score-nodes.ts';
import type { Endpoint } from '../daemon/endpoint.ts';
import {
  bygone,
  choice,
  custom,
  duration,
  endpoint,
  list,
  optionalText,
  text,
  toggle,
  wholeNumber,
} from '../daemon/flag-types.ts';
import { BadFlags, bygoneIn, describeFlags, parseFlags } from '../daemon/flags.ts';
import { KLOG } from '../daemon/klog-flags.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../daemon/log.ts';
import { DEFAULT_DRIVER } from '../model/well-known.ts';
import { TRACE_FLAGS, traceConfigOf, type TraceConfig } from '../trace/flags.ts';
import { extenderProblems, pageProblems, parseAntiAffinity } from './config-checks.ts';
import type { AdoptMode } from './volumes/adopt-volumes.ts';

export interface OperatorConfig {
  /** Absent: see findAccess. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly leaderElection: boolean;
  /** Others take the Lease over so long after the leader's last renewal. */
  readonly leaseDurationMs: number;
  /** Of the Lease. */
  readonly namespace: string;
  /** Of this replica among those that want to lead; absent: the host's name. */
  readonly identity: string | undefined;
  readonly extenderListen: Endpoint | undefined;
  readonly extenderTlsDir: string | undefined;
  /** Where the operator keeps the certificates that it makes itself; absent: it makes none. */
  readonly extenderTlsSecret: string | undefined;
  /** Common names of client certificates; empty: every certificate of the directory's authority. */
  readonly extenderAllowedClients: readonly string[];
  /** Name of the Service that is led to the extender of the leader. */
  readonly extenderService: string;
  readonly pageListen: Endpoint | undefined;
  /** Name of the Service that is led to the page of the leader; absent: there is none. */
  readonly pageService: string | undefined;
  /** Absent where this process is no pod. */
  readonly podIp: string | undefined;
  readonly metricsListen: Endpoint | undefined;
  readonly csiEndpoint: Endpoint | undefined;
  readonly driverName: string;
  /** Name of the NodeLocalStorageInitConfig that counts. */
  readonly initConfig: string;
  /** Whether the spec of a NodeLocalStorage that exists follows the init config. */
  readonly updateNls: boolean;
  /** What becomes of volumes that were made before us. */
  readonly adopt: AdoptMode;
  readonly strategy: Strategy;
  readonly antiAffinity: AntiAffinity;
  readonly holdTtlMs: number;
  /** How long a Node object must be gone before volumes deleted there are let go. */
  readonly lostNodeGraceMs: number;
  readonly silentAfterMs: number;
  /** How long to wait between two comparisons of a part of the ledger with what the objects say. */
  readonly checkEveryMs: number;
  readonly waitMs: number;
  /** Absent: no trace is made. */
  readonly trace: TraceConfig | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** What of the command line has no meaning here: sentences. */
  readonly bygone: readonly string[];
}

/** Flags of open-local's `controller`, `scheduler` and `csi`, and of klog; those with a meaning here are aliases. */
const OF_OPEN_LOCAL = {
  ...KLOG,
  master: bygone('give --kubeconfig'),
  port: bygone('the extender listens at --extender-listen'),
  endpoint: bygone('the socket is --csi-endpoint'),
  nodeID: bygone('the agent has --node-name'),
  'driver-mode': bygone('the agent serves the node, the operator the controller'),
  'feature-gates': bygone('UpdateNLS=false is --no-update-nls; snapshots of nobody are removed in any case'),
};

const FLAGS = {
  kubeconfig: optionalText({
    placeholder: 'FILE',
    doc: "How to reach the API server; without it by the files in KUBECONFIG, else the pod's service account, else ~/.kube/config.",
  }),
  context: optionalText({ placeholder: 'NAME', doc: 'The context of the kubeconfig; without it its current one.' }),
  'leader-election': toggle({
    default: true,
    doc: 'Of several replicas only the one that holds the Lease open-local-operator serves; without it every one does.',
  }),
  'lease-duration': duration({
    default: '15s',
    maxMs: 600_000,
    doc: "Others take the Lease over so long after the leader's last renewal; the leader itself ends after two thirds of it. More where nodes or the API server stand still at times.",
  }),
  namespace: text({
    placeholder: 'NAME',
    default: 'open-local',
    env: 'POD_NAMESPACE',
    doc: 'Where the Lease and the CSIStorageCapacity objects are.',
  }),
  identity: optionalText({
    placeholder: 'NAME',
    env: 'POD_NAME',
    doc: "This replica's name in the Lease; without it the host's name.",
  }),
  'extender-listen': endpoint({
    default: '127.0.0.1:23000',
    doc: 'Where kube-scheduler finds the extender; none to serve none.',
  }),
  'extender-tls-dir': optionalText({
    placeholder: 'FOLDER',
    doc: 'Holds tls.crt, tls.key and ca.crt of the extender, read again when they change; without it plain HTTP is spoken.',
  }),
  'extender-tls-secret': optionalText({
    placeholder: 'NAME',
    doc: "The Secret in the namespace where the operator keeps the certificate that it makes and renews itself, and writes to --extender-tls-dir; without it the files there are somebody else's.",
  }),
  'extender-allowed-clients': list({
    placeholder: 'NAME,…',
    doc: "Common names of the client certificates that may call the extender; without it all that the directory's ca.crt signed.",
  }),
  'extender-allow-plaintext': toggle({
    default: false,
    doc: 'Serve the extender over plain HTTP to other machines too, to whoever reaches it.',
  }),
  'extender-service': text({
    placeholder: 'NAME',
    default: 'open-local-scheduler-extender',
    doc: 'The Service without a selector that the leader leads to its extender.',
  }),
  'pod-ip': optionalText({
    placeholder: 'ADDRESS',
    env: 'POD_IP',
    doc: 'Where the extender is reached from other pods; without it no Service is led here.',
  }),
  'metrics-listen': endpoint({
    default: '127.0.0.1:9090',
    doc: 'Where /healthz, /readyz and /metrics are; none to serve none.',
  }),
  'page-listen': endpoint({
    doc: 'Where the page for people is, such as 127.0.0.1:23080 for kubectl port-forward, in plain HTTP; elsewhere than on this machine in HTTPS with the certificate in --extender-tls-dir. Without it there is none.',
  }),
  'page-service': optionalText({
    placeholder: 'NAME',
    doc: 'A Service without a selector that the leader leads to its page, for an Ingress.',
  }),
  'csi-endpoint': endpoint({
    default: 'unix:///csi/csi.sock',
    doc: 'The socket on which the CSI sidecars find the controller; none to serve no CSI.',
  }),
  'driver-name': text({
    placeholder: 'NAME',
    default: DEFAULT_DRIVER,
    aliases: ['driver'],
    doc: 'The name of the CSI driver.',
  }),
  'init-config': text({
    placeholder: 'NAME',
    default: 'open-local',
    aliases: ['initconfig'],
    doc: 'The NodeLocalStorageInitConfig from which every NodeLocalStorage is made.',
  }),
  'update-nls': toggle({
    default: true,
    doc: 'Keep the spec of every NodeLocalStorage as the init config says; without it the config is used for new nodes only.',
  }),
  adopt: choice(['yes', 'report'], {
    default: 'yes',
    doc: 'Volumes that open-local made before this program, or a person made by hand. yes: each gets its LocalVolume once the report of its node shows it where its PersistentVolume says; nothing on a disk is made, formatted or removed. report: Events say what would become of them.',
  }),
  strategy: choice(['binpack', 'spread'], {
    default: 'binpack',
    aliases: ['scheduler-strategy'],
    doc: 'Fill nodes and groups one after another, or evenly.',
  }),
  'node-anti-affinity': custom({
    placeholder: 'KIND=WEIGHT,…',
    default: '',
    aliases: ['enabled-node-anti-affinity'],
    parse: parseAntiAffinity,
    doc: 'Keeps pods away from nodes with storage they have no use for: LVM, Device or MountPoint with a weight from 0 to 10 (5 without one).',
  }),
  'hold-ttl': duration({
    default: '11m',
    maxMs: 24 * 3_600_000,
    doc: "How long room is held for a pod of which nothing more is heard. Longer than kube-scheduler takes to bind a pod to a node that it chose: its VolumeBinding waits ten minutes for the pod's other claims.",
  }),
  'lost-node-grace': duration({
    default: '5m',
    maxMs: 365 * 24 * 3_600_000,
    doc: 'How long a Node object must be gone before volumes that are deleted there are let go; their data is not touched.',
  }),
  'silent-after': duration({
    default: '11m',
    maxMs: 365 * 24 * 3_600_000,
    doc: 'How long nothing is heard of an agent, which reports every five minutes at least, before its node gets no new volume.',
  }),
  'check-every': duration({
    default: '30s',
    doc: 'How often a part of the ledger, 50 nodes, is compared with what the objects say, and mended where it differs.',
  }),
  'wait-ms': wholeNumber({
    placeholder: 'MS',
    default: 30,
    min: 0,
    max: 1000,
    doc: 'How long the extender waits for room that other pods may leave, before it refuses; the scheduler waits with it.',
  }),
  ...TRACE_FLAGS,
  ...OF_OPEN_LOCAL,
  'log-level': choice(LOG_LEVELS, {
    default: 'info',
    doc: 'What is logged, and all that is worse. The annotation csi.aliyun.com/log-level of the NodeLocalStorageInitConfig changes it while it runs.',
  }),
  'log-format': choice(LOG_FORMATS, { default: 'json', doc: 'json, for what collects logs, or text, for people.' }),
};

/** Flags win over the environment. Throws BadFlags with every problem. */
export function parseOperatorConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): OperatorConfig {
  const flags = parseFlags(FLAGS, args, env);
  const listen = flags['extender-listen'];
  const tlsDir = flags['extender-tls-dir'];
  const problems = extenderProblems({
    listen,
    tlsDir,
    clients: flags['extender-allowed-clients'],
    allowPlaintext: flags['extender-allow-plaintext'],
  });
  if (flags['csi-endpoint']?.kind === 'tcp') problems.push('--csi-endpoint: CSI is served on a socket: unix:///PATH');
  const podIp = flags['pod-ip'];
  if (flags['extender-tls-secret'] !== undefined && tlsDir === undefined)
    problems.push('--extender-tls-secret: the certificate is written to a folder: give --extender-tls-dir too');
  problems.push(...pageProblems(flags['page-listen'], flags['page-service'], tlsDir));
  if (podIp !== undefined && isIP(podIp) === 0) problems.push(`--pod-ip: "${podIp}" is not an IP address`);
  if (problems.length > 0) throw new BadFlags(problems);
  return {
    kubeconfig: flags.kubeconfig,
    context: flags.context,
    leaderElection: flags['leader-election'],
    leaseDurationMs: flags['lease-duration'],
    namespace: flags.namespace,
    identity: flags.identity,
    extenderListen: listen,
    extenderTlsDir: tlsDir,
    extenderTlsSecret: flags['extender-tls-secret'],
    extenderAllowedClients: flags['extender-allowed-clients'],
    extenderService: flags['extender-service'],
    podIp,
    pageListen: flags['page-listen'],
    pageService: flags['page-service'],
    metricsListen: flags['metrics-listen'],
    csiEndpoint: flags['csi-endpoint'],
    driverName: flags['driver-name'],
    initConfig: flags['init-config'],
    updateNls: flags['update-nls'],
    adopt: flags.adopt,
    strategy: flags.strategy,
    antiAffinity: flags['node-anti-affinity'],
    holdTtlMs: flags['hold-ttl'],
    lostNodeGraceMs: flags['lost-node-grace'],
    silentAfterMs: flags['silent-after'],
    checkEveryMs: flags['check-every'],
    waitMs: flags['wait-ms'],
    trace: traceConfigOf(flags),
    logLevel: flags['log-level'],
    logFormat: flags['log-format'],
    bygone: bygoneIn(FLAGS, args),
  };
}

/** The help text of `open-local operator`. */
export const operatorHelp = (): string =>
  `open-local operator: the scheduler extender, the CSI controller, and what makes a NodeLocalStorage for every node.\n\n${describeFlags(FLAGS)}\n`;
