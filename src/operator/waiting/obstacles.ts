import type { EventReason } from '../../model/event-reasons.ts';
import type { RefusalKind } from '../../model/verdict.ts';

/** What can keep a pod off a node, as far as it decides what would help. */
export type ObstacleKind =
  | 'claim-wrong'
  | 'claim-missing'
  | 'storage-cordoned'
  | 'cordoned-with-room'
  | 'tainted-with-room'
  | 'unselected-with-room'
  | 'disallowed-with-room'
  | 'held'
  | 'faulty'
  | 'refused'
  | 'too-small'
  | 'no-unit'
  | 'unmanaged'
  | 'unoffered'
  | 'none-offered'
  | 'silent'
  | 'agent-silent'
  | 'unregistered'
  | 'lost'
  | 'no-group'
  | 'no-storage'
  | 'elsewhere'
  | 'not-allowed';

interface ObstacleEntry {
  readonly reason: EventReason;
  /** What a person can do that harms nothing, where it is so on this node. Absent: nothing is said. */
  readonly help?: (node: string) => string;
}

const NLSC = 'the NodeLocalStorageInitConfig';

/** The easiest to get out of the way comes first: it gives the Event its reason. */
export const OBSTACLES: Readonly<Record<ObstacleKind, ObstacleEntry>> = {
  'claim-wrong': { reason: 'ClaimRefused', help: () => 'correct what is said, in the StorageClass or in a new claim' },
  'claim-missing': { reason: 'ClaimNotReady', help: () => 'make what is missing; the pod then goes on by itself' },
  'storage-cordoned': {
    reason: 'NodeNotAllowed',
    help: (node) => `kubectl open-local uncordon ${node}, once its storage may have volumes again`,
  },
  'agent-silent': {
    reason: 'NodeNotAllowed',
    help: (node) => `see the log of the agent's pod on ${node}: its storage gets no new volume until it reports`,
  },
  unregistered: {
    reason: 'NodeNotAllowed',
    help: (node) =>
      `see the agent's pod on ${node} and condition DriverRegistered in kubectl describe nls ${node}: until the kubelet knows the driver, its storage gets no new volume`,
  },
  'cordoned-with-room': {
    reason: 'NodeNotAllowed',
    help: (node) => `kubectl uncordon ${node}, once it may have pods again`,
  },
  'tainted-with-room': { reason: 'NodeNotAllowed', help: (node) => `let the pod tolerate the taint of ${node}` },
  'unselected-with-room': {
    reason: 'NodeNotAllowed',
    help: (node) => `let nodeSelector and node affinity of the pod allow ${node}`,
  },
  'disallowed-with-room': {
    reason: 'NodeNotAllowed',
    help: (node) => `let allowedTopologies of the StorageClass name the hostname of ${node}`,
  },
  held: { reason: 'RoomHeld', help: () => 'nothing need be done: it is tried again when those pods have their nodes' },
  faulty: { reason: 'NoRoom', help: (node) => `mend the disk: kubectl describe nls ${node}` },
  refused: { reason: 'NoRoom', help: (node) => `see why it failed: kubectl describe nls ${node}` },
  'too-small': {
    reason: 'NoRoom',
    help: () => `give a volume group another disk (resourceToBeInited.vgs of ${NLSC}), or ask for less`,
  },
  'no-unit': { reason: 'NoRoom', help: () => `offer claims another disk or mount point (listConfig of ${NLSC})` },
  unmanaged: { reason: 'NoSuchStorage', help: () => `name the group in listConfig.vgs.include of ${NLSC}` },
  unoffered: {
    reason: 'NoSuchStorage',
    help: () => `if nobody needs the disk, name it in listConfig.devices.include of ${NLSC}`,
  },
  'none-offered': {
    reason: 'NoSuchStorage',
    help: () => `offer claims disks or mount points (listConfig of ${NLSC})`,
  },
  silent: { reason: 'NoSuchStorage', help: (node) => `see the log of the agent's pod on ${node}` },
  lost: { reason: 'NoSuchStorage', help: (node) => `see kubectl describe nls ${node}` },
  'no-group': {
    reason: 'NoSuchStorage',
    help: () => `make the group (resourceToBeInited.vgs of ${NLSC}), or use a StorageClass of a group that is there`,
  },
  'no-storage': { reason: 'NoSuchStorage', help: (node) => `see whether an agent should run on ${node}` },
  elsewhere: { reason: 'DataElsewhere' },
  'not-allowed': { reason: 'NodeNotAllowed' },
};

/** What a refusal of the ledger is, where the node's own report says nothing more of it. */
export const OBSTACLE_OF: Readonly<Record<RefusalKind, ObstacleKind>> = {
  'unknown-node': 'no-storage',
  'no-such-group': 'no-group',
  'group-too-small': 'too-small',
  'held-by-others': 'held',
  'no-free-unit': 'no-unit',
  'refused-by-node': 'refused',
  'wrong-node': 'elsewhere',
  'claim-missing': 'claim-missing',
  'bad-class': 'claim-wrong',
  'bad-request': 'claim-wrong',
};
