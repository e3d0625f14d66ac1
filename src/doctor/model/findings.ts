import { broken, risk, type Entry } from './finding-entry.ts';
import { HOSTNAME_FINDINGS } from './hostname-findings.ts';

const PENDING = 'pods with claims of ours stay pending';

/** Everything that the doctor can find. docs/doctor.md has the same rows for people. */
export const FINDINGS = {
  DefinitionMissing: broken(
    'the custom resource definitions were not applied, or were deleted',
    'neither operator nor agents can work',
    'apply `crds/`',
  ),
  DefinitionOld: broken(
    'the definitions are those of an older version, or of the existing open-local; helm upgrades none',
    'the API server drops fields that it does not know without a word: limits, snapshots or states are lost',
    'apply `crds/` of this version by server-side apply',
  ),
  PolicyMissing: risk(
    'the admission policies were not applied',
    "an agent's token may write the objects of every node",
    'apply `deploy/` again',
  ),
  OperatorMissing: broken(
    'not installed in this namespace',
    'nobody makes volumes or answers kube-scheduler',
    'install it, or name its namespace with `--namespace`',
  ),
  OperatorNotRunning: broken(
    'its pods do not start or do not become Ready',
    'nobody makes volumes or answers kube-scheduler',
    'see why its pods do not run',
  ),
  NoLeader: broken(
    'no replica holds the Lease, or its owner stopped renewing it',
    'no replica serves: kube-scheduler and the sidecars are not answered',
    "see the operator's log; the Lease is taken over by itself within seconds",
  ),
  SidecarMissing: broken(
    'the Deployment was changed, or written by hand',
    'claims are not provisioned, grown or snapshotted, and no error says so',
    'apply `deploy/` again',
  ),
  VersionsDiffer: risk(
    'an upgrade that did not end: not all agents have the version of this program',
    'neighbouring versions work together, others were never tried',
    'let the rollout end',
  ),
  AgentMissing: broken(
    'the DaemonSet is not there',
    'no node reports its storage and no volume is made',
    'apply `deploy/` again',
  ),
  AgentForbidden: broken(
    'the namespace does not admit privileged pods (Pod Security)',
    'the agents are not created, and only events of the DaemonSet say so',
    'label the namespace',
  ),
  AgentNotOnNode: broken(
    'no agent runs on a node that has storage: a nodeSelector, a taint, an image that cannot be pulled',
    'its volumes are not mounted, grown or removed, and its room is not counted anew',
    "see why the DaemonSet's pod does not run there",
  ),
  AgentSilent: broken(
    'the agent has stopped reporting: it hangs, or cannot reach the API server',
    'the node gets no new volume, and none of its volumes is mounted, grown or removed',
    "see the agent's log",
  ),
  AgentCannotLook: broken(
    'lvm2 or the kernel of the node cannot be read',
    'the node makes no volumes until it can',
    'see the message of the report',
  ),
  DriverNotRegistered: broken(
    "the kubelet has not found the agent's socket, mostly because its folder is another",
    'pods on the node wait for their volumes: "driver name not found in the list of registered CSI drivers"',
    "give the agent the kubelet's folder",
  ),
  KubeletFolderElsewhere: broken(
    'the kubelet was started with `--root-dir` (RKE, k0s, microk8s and others do)',
    'volumes are mounted where no pod sees them, or not at all',
    "give the agent the kubelet's folder",
  ),
  SchedulerNotConfigured: broken(
    'kube-scheduler has no configuration, so nobody told it of the extender',
    'pods are placed where there is no room; volumes of one pod may not fit together',
    'give kube-scheduler what `open-local scheduler-config` prints',
  ),
  ExtenderNotRegistered: broken(
    'the configuration of kube-scheduler has no extender of ours',
    'pods are placed where there is no room; volumes of one pod may not fit together',
    'give kube-scheduler what `open-local scheduler-config` prints',
  ),
  ExtenderMisconfigured: broken(
    'the extender in the configuration of kube-scheduler is an older one, or was written by hand',
    'kube-scheduler cannot call it and, where it may be ignored, goes on without a word',
    'give kube-scheduler what `open-local scheduler-config` prints now',
  ),
  ExtenderNotCalled: broken(
    'kube-scheduler does not reach the extender, or was never told of it',
    'pods are placed without a look at their room',
    'give kube-scheduler what `open-local scheduler-config` prints, and see its log',
  ),
  ExtenderUnreachable: broken(
    'the Service is missing, has a selector of an older version, or leads to nobody',
    'kube-scheduler cannot call the extender',
    'apply `deploy/` again',
  ),
  PodsNotMarked: broken(
    'kube-scheduler asks about marked pods alone, and nothing marks them: the policy is not there, or the cluster is older than Kubernetes 1.36',
    'pods are placed without a look at their room; a node that has none turns them away afterwards',
    'have pods marked, or kube-scheduler ask about every pod',
  ),
  PodWithoutMark: risk(
    'a pod that waits is older than the policy that marks pods',
    'a kube-scheduler that asks about marked pods alone does not ask about it, and cannot say why it waits',
    'make the pod anew',
  ),
  BindsInVain: risk(
    'the configuration of kube-scheduler is of an older version, or was printed with --bind, and the operator has no right to bind pods',
    'each pod costs a call in vain before kube-scheduler binds it itself',
    'give kube-scheduler what `open-local scheduler-config` prints now, or the operator the right',
  ),
  EvictsInVain: risk(
    'the configuration of kube-scheduler is of an older version, without preemptVerb',
    'pods are evicted, again and again, on a node that has no room for the volumes of the pod of a higher priority that would come',
    'give kube-scheduler what `open-local scheduler-config` prints now',
  ),
  PermissionMissing: broken(
    'roles of an older version, or changed by hand',
    'what needs the right fails again and again; most of it shows in logs only',
    'apply the roles in `deploy/` again',
  ),
  CertificateMissing: broken(
    'the operator has not made it: it never led, or may not',
    'the extender does not start',
    "see the operator's log",
  ),
  CertificateUnfit: broken(
    'it was signed by another authority, is for another name, or its key is of another pair',
    'kube-scheduler refuses the extender, or the extender kube-scheduler',
    'let the operator make it anew',
  ),
  CertificateEnded: broken(
    'nobody renewed it in time',
    'kube-scheduler refuses the extender, or the extender kube-scheduler',
    'let the operator make it anew, and give kube-scheduler its own',
  ),
  CertificateEndsSoon: risk(
    'it should have been renewed by now',
    'once it ends kube-scheduler and the extender refuse each other',
    "see the operator's log",
  ),
  NodeClockWrong: risk(
    'the clock of the node is not synchronised',
    'certificates and tokens are refused there, and ages in its report are wrong',
    'synchronise its clock',
  ),
  ...HOSTNAME_FINDINGS,
  LvmetadOnNode: risk(
    "the node's own lvm2 uses lvmetad, which lvm2 2.03 has no more",
    'its cache does not hear of volumes that the agent makes: lvs and vgs on the node tell old news',
    'turn it off on the node',
  ),
  DiskHiddenFromNode: risk(
    "a filter or the devices file of the node's own lvm2 leaves out disks that are in use",
    'pvs on the node shows a disk in use as free: somebody may take it for something else',
    'let lvm2 on the node see the disk',
  ),
  DiskHeldByMultipath: broken(
    'multipathd takes every disk unless it is told otherwise',
    'the disk is busy and no volume group can be made on it',
    'let multipathd leave it alone, or name the map in place of the disk',
  ),
  KernelModuleMissing: broken(
    'the kernel of the node lacks what a class asks for',
    'such volumes or snapshots fail on that node',
    'install the package that has the module',
  ),
  CgroupCannotLimit: broken(
    'the io controller of control groups is off on the node',
    'limits of IO have no effect there',
    'turn the controller on',
  ),
  ConfigMissing: broken(
    'nobody has said which disks are to be used',
    `no node manages anything, so ${PENDING}`,
    'apply a NodeLocalStorageInitConfig',
  ),
  ConfigRefused: broken(
    'the configuration has an error, or a part of it matches nothing',
    'that part is not applied',
    'correct what the message names',
  ),
  NothingManaged: broken(
    'the patterns of the configuration match no volume group, disk or mount point of any node',
    PENDING,
    'correct the patterns, or list disks to make groups of',
  ),
  GroupRefused: broken(
    'a volume group or mount point cannot be made: the disk is not blank, not there, or in use',
    'the room of that disk is missing',
    'do what the message says',
  ),
  DiskFailing: risk('SMART or the kernel says so', 'its data may be lost', 'copy what it holds, and exchange it'),
  StorageFaulty: broken(
    'a disk of a volume group or a mount point is gone or cannot be read',
    'volumes on it do not work',
    'bring the disk back',
  ),
  StrayVolumes: risk(
    'logical volumes of ours of which no object speaks: a node came back, or objects were deleted by hand',
    'they take room',
    'look whether their data is needed',
  ),
  ClassParameterUnknown: risk(
    'a parameter of a StorageClass that nobody reads, mostly misspelt',
    'it has no effect, without a word',
    'correct its name, or leave it out',
  ),
  ClassInvalid: broken(
    'a parameter of a StorageClass has a value that is not allowed, or contradicts another; or csi-provisioner does not know a key of `allowedTopologies`, or one under `csi.storage.k8s.io/`',
    'every claim of the class is refused',
    'make the class anew: these cannot be changed',
  ),
  ClassBindsAtOnce: broken(
    '`volumeBindingMode` is Immediate, which is the default',
    'volumes are made before a scheduler says for which node: their pods may fit there no more, or never have',
    'make the class anew with WaitForFirstConsumer',
  ),
  ClassFitsNowhere: risk(
    'the class names a volume group or a medium that no node has',
    'every claim of the class waits',
    'name one that is there, or add it',
  ),
  ClassOfOldDriver: broken(
    'the provisioner is the old name of open-local, and no provisioner serves it',
    'claims of the class wait for ever, without an event',
    'make the class anew with the provisioner of this driver',
  ),
  DriverObjectMissing: broken(
    'the CSIDriver object was not applied, or was deleted',
    'the kubelet waits for an attacher that does not exist',
    'apply `deploy/` again',
  ),
  DriverObjectWrong: broken(
    'the CSIDriver object is another version’s',
    'mounting waits, inline volumes fail, or capacity is not looked at',
    'make the object anew from `deploy/`',
  ),
  SnapshotsIncomplete: broken(
    'a VolumeSnapshotClass of ours without csi-snapshotter or without the snapshot kinds',
    'VolumeSnapshots never become ready, and no event says so',
    'apply `examples/with-snapshots`',
  ),
  ClaimWaits: broken('a claim waits: its reason is told', 'its pod does not start', 'what the reason asks for'),
  ClaimNotLetGo: broken(
    'snapshot-controller left its finalizer on a claim whose VolumeSnapshots were deleted together',
    'the deleted claim stays Terminating for ever, and keeps its room',
    'take that finalizer off: no snapshot is being made of the claim',
  ),
  VolumeBroken: broken(
    'a volume that was ready, or is to be made, failed on its node',
    'its pod does not start, or meets errors',
    'what the reason asks for',
  ),
  VolumeMissing: broken(
    'a PersistentVolume of ours has neither a LocalVolume nor a logical volume on any node',
    'its pod cannot start',
    'look for its data before anything else',
  ),
  VolumeWithoutOwner: risk(
    'a LocalVolume that no PersistentVolume and no waiting claim speaks of',
    'it takes room, and its data stays until somebody decides',
    'look whether its data is needed',
  ),
  VolumeStuckInDeletion: broken(
    'a deleted volume has not gone for ten minutes: it is in use, kept for a snapshot, or its agent is away',
    'its room is not free',
    'what the reason asks for',
  ),
  VolumeOnGoneNode: broken(
    'the Node object is gone and volumes are recorded there',
    'pods of these volumes cannot start',
    'bring the node back, or say that it is lost',
  ),
  NodeReportLeftOver: risk(
    'a NodeLocalStorage whose node is gone',
    'none, but it is shown as if the node were there',
    'say that the node is lost',
  ),
  OtherInstallation: broken(
    'another program with the same driver name runs: an earlier version, or the existing open-local',
    'two agents on one node work against each other',
    'stop the other one, which can be undone; docs/switching.md has every step',
  ),
} as const satisfies Readonly<Record<string, Entry>>;

export type FindingName = keyof typeof FINDINGS;
