import { expect, test } from 'vitest';
import { GIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import { checkLimit, parseCapacityRange, wantedSize } from './capacity-range.ts';
import { parseCreateVolume } from './wanted-volume.ts';
import { CreateVolumeRequest, VolumeCapability_AccessMode_Mode as Mode } from '../gen/csi.ts';
import { volumeIdOf } from './volume-id.ts';

type Partial = Parameters<typeof CreateVolumeRequest.fromPartial>[0];

const mount = (fsType = '', mode: Mode = Mode.SINGLE_NODE_WRITER) => ({
  accessType: { $case: 'mount' as const, value: { fsType } },
  accessMode: { mode },
});
const block = { accessType: { $case: 'block' as const, value: {} }, accessMode: { mode: Mode.SINGLE_NODE_WRITER } };
const on = (...names: string[]) => names.map((name) => ({ segments: { 'kubernetes.io/hostname': name } }));

const request = (own: Partial = {}): CreateVolumeRequest =>
  CreateVolumeRequest.fromPartial({
    name: 'pvc-1',
    volumeCapabilities: [mount()],
    parameters: { volumeType: 'LVM' },
    ...own,
  });

/** A node's name is its hostname, but for that of `host-9`. */
const nodesAt = (hostname: string) => [hostname === 'host-9' ? 'n9' : hostname];
const parse = (own: Partial = {}) => parseCreateVolume(request(own), { nodesAt });

function faultOf(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('the least that can be asked is a linear gigabyte anywhere', () => {
  expect(parse()).toEqual({
    id: 'pvc-1',
    name: 'pvc-1',
    asked: {},
    size: GIB,
    policy: { kind: 'LVM', layout: 'linear', limits: {} },
    usage: { block: false },
    attributes: {},
    parameters: { volumeType: 'LVM' },
  });
});

test('everything external-provisioner can ask is understood', () => {
  const wanted = parse({
    capacityRange: { requiredBytes: BigInt(5 * GIB), limitBytes: BigInt(9 * GIB) },
    volumeCapabilities: [mount('xfs', Mode.SINGLE_NODE_MULTI_WRITER)],
    parameters: {
      volumeType: 'LVM',
      vgName: 'pool-0',
      lvmType: 'striping',
      bps: '1Mi',
      'csi.storage.k8s.io/pvc/name': 'data',
      'csi.storage.k8s.io/pvc/namespace': 'web',
    },
    accessibilityRequirements: { requisite: on('n1', 'n2'), preferred: on('n2', 'n1') },
  });
  expect(wanted).toMatchObject({
    asked: { required: 5 * GIB, limit: 9 * GIB },
    size: 5 * GIB,
    policy: { kind: 'LVM', vgName: 'pool-0', layout: 'striped', limits: { readBps: 2 ** 20, writeBps: 2 ** 20 } },
    usage: { block: false, fsType: 'xfs' },
    nodes: ['n2', 'n1'],
    claim: { namespace: 'web', name: 'data' },
  });
});

test('a node is asked for by its hostname label, and known by its name', () => {
  expect(parse({ accessibilityRequirements: { requisite: on('host-9', 'n1') } }).nodes).toEqual(['n9', 'n1']);
});

test('raw block, ReadWriteOncePod, and mount and block at once are possible', () => {
  expect(parse({ volumeCapabilities: [block] }).usage).toEqual({ block: true });
  expect(parse({ volumeCapabilities: [mount('ext4', Mode.SINGLE_NODE_SINGLE_WRITER), block] }).usage).toEqual({
    block: true,
    fsType: 'ext4',
  });
});

const REFUSED: readonly [what: string, own: Partial, kind: string, message: string][] = [
  ['no name', { name: '' }, 'invalid', 'name is missing'],
  ['a name that no object keeps', { name: 'x'.repeat(254) }, 'invalid', 'more than 253 characters'],
  ['no capabilities', { volumeCapabilities: [] }, 'invalid', 'volume_capabilities is missing'],
  ['no capabilities and no class', { volumeCapabilities: [], parameters: {} }, 'invalid', 'volume_capabilities'],
  [
    'a capability without access type',
    { volumeCapabilities: [{ accessMode: { mode: Mode.SINGLE_NODE_WRITER } }] },
    'invalid',
    'no access_type',
  ],
  [
    'a capability without access mode',
    { volumeCapabilities: [{ accessType: { $case: 'mount', value: {} } }] },
    'invalid',
    'no access_mode',
  ],
  [
    'several nodes',
    { volumeCapabilities: [mount('', Mode.MULTI_NODE_MULTI_WRITER)] },
    'invalid',
    'access mode ReadWriteMany is not possible',
  ],
  ['a filesystem nobody can make', { volumeCapabilities: [mount('zfs')] }, 'invalid', 'filesystem "zfs"'],
  ['two filesystems', { volumeCapabilities: [mount('xfs'), mount('ext4')] }, 'invalid', 'xfs and ext4'],
  [
    'a directory as a disk',
    { volumeCapabilities: [block], parameters: { volumeType: 'MountPoint' } },
    'invalid',
    'MountPoint',
  ],
  ['an unknown volumeType', { parameters: { volumeType: 'Lvm' } }, 'invalid', 'volumeType: "Lvm" is unknown'],
  ['no volumeType', { parameters: {} }, 'invalid', 'volumeType is missing'],
  ['zero bytes', { capacityRange: { requiredBytes: 0n, limitBytes: 0n } }, 'invalid', 'asks for zero bytes'],
  [
    'more than the limit',
    { capacityRange: { requiredBytes: 9n, limitBytes: 5n } },
    'invalid',
    'limit_bytes 5 is below required_bytes 9',
  ],
  ['a negative size', { capacityRange: { requiredBytes: -1n } }, 'invalid', 'required_bytes -1 is negative'],
  ['8 PiB', { capacityRange: { requiredBytes: 1n << 53n } }, 'out-of-range', 'is 8 PiB or more'],
  [
    'a topology of somebody else',
    { accessibilityRequirements: { requisite: [{ segments: { zone: 'a' } }] } },
    'invalid',
    'kubernetes.io/hostname',
  ],
  [
    'a source without a name',
    { volumeContentSource: { type: { $case: 'volume', value: { volumeId: '' } } } },
    'invalid',
    'has no snapshot_id and no volume_id',
  ],
  [
    'an unknown mutable parameter',
    { mutableParameters: { colour: 'red' } },
    'invalid',
    'parameter colour: "red" is unknown',
  ],
];

test.each(REFUSED)('%s is refused', (_, own, kind, message) => {
  const fault = faultOf(() => parse(own));
  expect(fault.kind).toBe(kind);
  expect(fault.message).toContain(message);
});

test('without a required size a volume is a gigabyte, or the limit when that is less', () => {
  expect(wantedSize(parseCapacityRange({ requiredBytes: 0n, limitBytes: 5n }))).toBe(5);
  expect(wantedSize(parseCapacityRange({ requiredBytes: 0n, limitBytes: BigInt(5 * GIB) }))).toBe(GIB);
});

test('a size that rounding brought above the limit is out of range', () => {
  const asked = parseCapacityRange({ requiredBytes: 5n, limitBytes: 5n });
  expect(() => checkLimit(wantedSize(asked), asked)).not.toThrow();
  const rounded = wantedSize(parseCapacityRange({ requiredBytes: 6n, limitBytes: 0n }));
  expect(faultOf(() => checkLimit(rounded, asked)).kind).toBe('out-of-range');
});

test.each(['pvc-0b5a9ca4-3d51-4f4f-9b8e-1d3b4a9e2c11', 'local-0b5a9ca4-3d51-4f4f-9b8e-1d3b4a9e2c11', 'a', 'a.b-c'])(
  'the name %s is its own id',
  (name) => {
    expect(volumeIdOf(name)).toBe(name);
  },
);

test.each([
  'UPPER',
  'a_b',
  '-a',
  'a-',
  'a..b',
  'snapshot-1',
  'pvmove0',
  'x'.repeat(64),
  'a-'.repeat(25) + 'a',
  'ä',
  'a/b',
])('the name "%s" gets an id that objects and logical volumes can carry', (name) => {
  expect(volumeIdOf(name)).toMatch(/^local-[0-9a-f]{40}$/);
  expect(volumeIdOf(name)).toBe(volumeIdOf(name));
  expect(volumeIdOf(name)).not.toBe(volumeIdOf(`${name}x`));
});
