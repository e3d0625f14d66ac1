import fc from 'fast-check';
import * as csi from '../../src/csi/gen/csi.ts';
import type { Method } from '../../src/csi/service.ts';
import { GIB, MIB } from '../../src/model/bytes.ts';

const SERVICES = { ...csi.ControllerService, ...csi.GroupControllerService };

/** One call of a method of the controller or of the group controller. */
export interface AnyCall {
  readonly method: keyof typeof SERVICES;
  readonly request: object;
  /** The second call comes after the first, beside it, or after the caller gave the first up. */
  readonly again: 'after' | 'beside' | 'given up';
}

const { SINGLE_NODE_WRITER, SINGLE_NODE_SINGLE_WRITER, MULTI_NODE_MULTI_WRITER, UNKNOWN } =
  csi.VolumeCapability_AccessMode_Mode;

/** A request as a whole is mostly sensible when each field nearly always is. */
function mostly<T>(sensible: fc.Arbitrary<T>, any: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 11, arbitrary: sensible }, { weight: 1, arbitrary: any });
}
const seldom = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  mostly<T | undefined>(fc.constant(undefined), values);

/** Few, so that calls meet each other's volumes; some that no program should choose. */
const NAMES = ['pvc-a', 'pvc-b', 'Pvc_A', 'x'.repeat(128), 'snapshot-1', 'pvc/a', '-a', 'ä b', '', 'x'.repeat(300)];
const names = mostly(fc.constantFrom('pvc-a', 'pvc-b'), fc.constantFrom(...NAMES));
const snapshotNames = mostly(fc.constantFrom('snap-a', 'snap-b'), names);
const groupNames = mostly(fc.constantFrom('group-a', 'group-b'), names);
const SIZES = [0, 1, MIB, 64 * MIB, 64 * MIB + 1, GIB, 19 * GIB, 100 * GIB, -1, 2 ** 60].map(BigInt);
const freeRanges = fc.record({
  requiredBytes: mostly(fc.constantFrom(BigInt(GIB), BigInt(2 * GIB)), fc.constantFrom(...SIZES)),
  limitBytes: mostly(fc.constant(0n), fc.constantFrom(...SIZES)),
});
/** The only size that is allowed may be none that can be made. */
const ranges = mostly(
  freeRanges,
  fc
    .constantFrom(BigInt(64 * MIB + 1), ...SIZES.slice(2, 4))
    .map((size) => ({ requiredBytes: size, limitBytes: size })),
);

const capabilities = fc
  .record({
    access: fc.constantFrom('mount', 'mount', 'block', 'none'),
    fsType: fc.constantFrom('', '', 'ext4', 'xfs', 'ntfs'),
    mode: fc.constantFrom(SINGLE_NODE_WRITER, SINGLE_NODE_SINGLE_WRITER, MULTI_NODE_MULTI_WRITER, UNKNOWN),
  })
  .map(({ access, fsType, mode }) =>
    csi.VolumeCapability.fromPartial({
      ...(access === 'mount' ? { accessType: { $case: 'mount', value: { fsType } } } : {}),
      ...(access === 'block' ? { accessType: { $case: 'block', value: {} } } : {}),
      accessMode: { mode },
    }),
  );

const usual = csi.VolumeCapability.fromPartial({
  accessType: { $case: 'mount', value: {} },
  accessMode: { mode: SINGLE_NODE_WRITER },
});

const parameters = fc
  .record(
    {
      volumeType: fc.constantFrom('LVM', 'LVM', 'Device', 'MountPoint', 'Tape', ''),
      vgName: fc.constantFrom('pool-0', 'pool-9', '', '../x'),
      lvmType: fc.constantFrom('linear', 'striping', 'raid'),
      iops: fc.constantFrom('100', '1', 'many'),
      bps: fc.constantFrom('10Mi', '0'),
      mkfsOptions: fc.constantFrom('-m 1', '--force'),
      unknown: fc.constant('x'),
    },
    { requiredKeys: [] },
  )
  .map((all) => Object.fromEntries(Object.entries(all).slice(0, 2)));

const topologies = fc.constantFrom([], ['n1'], ['elsewhere'], ['elsewhere', 'n1']).map((hosts) =>
  csi.TopologyRequirement.fromPartial({
    requisite: hosts.map((host) => ({ segments: { 'kubernetes.io/hostname': host } })),
  }),
);

const sources = names.chain((id) =>
  fc.constantFrom(
    csi.VolumeContentSource.fromPartial({ type: { $case: 'volume', value: { volumeId: id } } }),
    csi.VolumeContentSource.fromPartial({ type: { $case: 'snapshot', value: { snapshotId: id } } }),
  ),
);

/** A value for each field that any request has; a request takes those that it has. */
const fields = fc.record({
  name: names,
  volumeId: names,
  snapshotId: snapshotNames,
  sourceVolumeId: names,
  nodeId: fc.constantFrom('', 'n1', 'elsewhere'),
  capacityRange: mostly<unknown>(ranges, fc.constant(undefined)),
  volumeCapabilities: mostly<readonly csi.VolumeCapability[]>(
    fc.constant([usual]),
    fc.array(capabilities, { maxLength: 2 }),
  ),
  volumeCapability: seldom(capabilities),
  parameters: mostly<object>(fc.constantFrom({ volumeType: 'LVM' }), parameters),
  mutableParameters: mostly<object>(fc.constantFrom({}, { iops: '100' }), parameters),
  secrets: fc.constantFrom({}, { key: 'x' }),
  accessibilityRequirements: seldom(topologies),
  volumeContentSource: seldom(sources),
  maxEntries: mostly(fc.constant(0), fc.constantFrom(1, 1000, -1)),
  groupSnapshotId: groupNames,
  sourceVolumeIds: mostly(
    fc.subarray(['pvc-a', 'pvc-b'], { minLength: 1 }),
    fc.array(fc.constantFrom(...NAMES), { maxLength: 3 }),
  ),
  snapshotIds: mostly<readonly string[]>(fc.constant([]), fc.constantFrom(['snap-a'], ['x', ''])),
  startingToken: mostly(fc.constant(''), fc.constantFrom('made-up', '1', 'ä')),
});

const METHODS = Object.keys(SERVICES) as AnyCall['method'][];
/** Most volumes are to be there when something is asked of them. */
const methods = fc.oneof(
  { weight: 1, arbitrary: fc.constant<AnyCall['method']>('createVolume') },
  { weight: 2, arbitrary: fc.constantFrom(...METHODS) },
  { weight: 1, arbitrary: fc.constant<AnyCall['method']>('createVolumeGroupSnapshot') },
);

const snapshotClasses = fc
  .record({ restore: fc.constantFrom('mount', 'copy'), size: fc.constantFrom('64Mi', '1Gi', '4Gi') })
  .map(({ restore, size }) => ({
    'csi.aliyun.com/snapshot-restore': restore,
    'csi.aliyun.com/snapshot-initial-size': size,
  }));

/** Any call of any controller method, sensible or not. */
export const anyCall: fc.Arbitrary<AnyCall> = fc
  .record({
    ...{ method: methods, fields, again: fc.constantFrom('after', 'beside', 'given up') },
    ofSnapshot: fc.record({ name: snapshotNames, parameters: mostly<object>(snapshotClasses, parameters) }),
    ofGroup: fc.record({ name: groupNames, parameters: mostly<object>(snapshotClasses, parameters) }),
  })
  .map(({ method, fields: usual, ofSnapshot, ofGroup, again }) => {
    const own = { createSnapshot: ofSnapshot, createVolumeGroupSnapshot: ofGroup }[method as string] ?? {};
    const all = { ...usual, ...own };
    const definition = SERVICES[method] as unknown as Method<object, unknown>;
    const empty = definition.requestDeserialize(Buffer.alloc(0));
    const given = Object.entries(all).filter(([field, value]) => field in empty && value !== undefined);
    return { method, again, request: { ...empty, ...Object.fromEntries(given) } };
  });
