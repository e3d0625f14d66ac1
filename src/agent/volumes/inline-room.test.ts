import { expect, test } from 'vitest';
import { bytes, GIB, MIB } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { STORAGE_RESERVED } from '../../model/well-known.ts';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { assertInlineRoom } from './inline-room.ts';

const wanted = (gib: number) => ({ id: 'csi-1', vgName: 'pool-0', sizeBytes: bytes(gib * GIB) });
const logicalVolume = (name: string, gib: number) => ({ name, vgname: 'pool-0', total: gib * GIB });

interface Pool {
  readonly available?: number;
  readonly volumes?: readonly ReturnType<typeof logicalVolume>[];
  readonly managed?: readonly string[];
  readonly reserved?: string;
}

/** 10 GiB, all free unless told. */
function node({ available = 10, volumes = [], managed = ['pool-0'], reserved }: Pool = {}): NodeLocalStorage {
  const annotations = reserved === undefined ? {} : { annotations: { [STORAGE_RESERVED]: reserved } };
  const pool = {
    name: 'pool-0',
    physicalVolumes: [],
    total: 10 * GIB,
    available: available * GIB,
    allocatable: available * GIB,
    logicalVolumes: [...volumes],
  };
  return {
    metadata: { name: 'node-a', ...annotations },
    status: { nodeStorageInfo: { volumeGroups: [pool] }, filteredStorageInfo: { volumeGroups: [...managed] } },
  };
}

const recorded = (name: string, gib: number, vgName = 'pool-0') =>
  sampleLocalVolume({ meta: { name }, spec: { vgName, sizeBytes: gib * GIB } });

/** Empty when nothing was thrown. */
function saidOf(attempt: () => void): string {
  try {
    attempt();
    return '';
  } catch (error) {
    return error instanceof Fault && error.kind === 'exhausted' ? error.message : `something else: ${String(error)}`;
  }
}

test.each<[string, NodeLocalStorage | undefined, number, readonly ReturnType<typeof recorded>[], RegExp | undefined]>([
  ['a managed group with room', node(), 10, [], undefined],
  ['a group that nobody manages', node({ managed: [] }), 1, [], /pool-0 is not one that open-local manages/],
  ['a node of which nothing is known', undefined, 1, [], /is not one that open-local manages/],
  [
    'room that is reserved',
    node({ reserved: '{"pool-0":"90%"}' }),
    2,
    [],
    /has 1 GiB for it, and 2 GiB .*9 GiB are reserved/,
  ],
  ['what is not reserved', node({ reserved: '{"pool-0":"90%"}' }), 1, [], undefined],
  ['volumes that are not made yet', node(), 5, [recorded('v1', 6)], /has 4 GiB for it, and 5 GiB .*6 GiB are taken/],
  [
    'snapshots that are mounted as volumes',
    node(),
    10,
    [sampleLocalVolume({ spec: { source: { snapshot: 's' }, readOnly: true, sizeBytes: 4 * GIB } })],
    undefined,
  ],
  ['volumes of other groups', node(), 10, [recorded('v1', 6, 'other')], undefined],
  [
    'a volume that is made, which counts once',
    node({ available: 4, volumes: [logicalVolume('v1', 6)] }),
    4,
    [recorded('v1', 6)],
    undefined,
  ],
  [
    'a volume that is to grow',
    node({ available: 4, volumes: [logicalVolume('v1', 6)] }),
    4,
    [recorded('v1', 8)],
    /has 2 GiB for it/,
  ],
  ['extents that lvm will not give', node({ available: 0 }), 1, [], /has 0 B for it/],
])('an inline volume and %s', (_, nls, gib, volumes, refused) => {
  expect(saidOf(() => assertInlineRoom(wanted(gib), nls, volumes))).toMatch(refused ?? /^$/);
});

test('sizes are rounded up to extents, as lvm does', () => {
  const almost = { ...wanted(10), sizeBytes: bytes(10 * GIB - MIB) };
  expect(() => assertInlineRoom(almost, node(), [])).not.toThrow();
  expect(() => assertInlineRoom({ ...almost, sizeBytes: bytes(10 * GIB + 1) }, node(), [])).toThrow('asked for');
});
