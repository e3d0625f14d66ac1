import { NO_TROUBLES } from '../../model/storage-troubles.ts';
import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { ClaimFacts, ClassFacts, PodFacts, PvFacts } from '../../model/facts.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { feedLedger, type Heard, type LedgerEvent } from './feed-ledger.ts';
import type { PvView, StorageView } from './views.ts';

interface Handlers {
  readonly changed: (now: unknown) => void;
  readonly deleted: (last: unknown) => void;
}

type Kind = keyof Heard;

/** Informers that say what a test says, and a ledger that keeps what it is told. */
function rig() {
  const handlers = new Map<string, Handlers>();
  const told: [event: string, argument: unknown][] = [];
  const informer = (kind: Kind) => ({ subscribe: (those: unknown) => void handlers.set(kind, those as Handlers) });
  const kinds: readonly Kind[] = ['storages', 'volumes', 'pods', 'claims', 'pvs', 'classes'];
  const heard = Object.fromEntries(kinds.map((kind) => [kind, informer(kind)])) as unknown as Heard;
  const ledger = new Proxy({} as Parameters<typeof feedLedger>[1], {
    get: (_, event: LedgerEvent) => (argument: unknown) => void told.push([event, argument]),
  });
  feedLedger(heard, ledger);
  const say = (kind: Kind, what: keyof Handlers, object: unknown): void => handlers.get(kind)?.[what](object);
  return { say, told };
}

const storage: StorageView = {
  name: 'n1',
  uid: 'u1',
  spec: {},
  storage: { name: 'n1', groups: [], units: [] },
  problems: [],
  disks: {},
  isOurs: true,
  troubles: NO_TROUBLES,
};
const volume: LocalVolume = {
  metadata: { name: 'pvc-1', uid: 'u2' },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'pool-0', sizeBytes: GIB, role: 'Volume' },
};
const pod: PodFacts = { uid: 'u3', namespace: 'web', name: 'a', finished: false, volumes: [] };
const claim: ClaimFacts = {
  uid: 'u4',
  namespace: 'web',
  name: 'data',
  requested: bytes(GIB),
  bound: false,
  deleting: false,
};
const facts: PvFacts = { name: 'pv-1', driver: 'local.csi.aliyun.com', handle: 'pv-1' };
const pv: PvView = { facts, phase: 'Bound', keepsData: true, claim: { namespace: 'web', name: 'data' } };
const storageClass: ClassFacts = { name: 'fast', provisioner: 'x', parameters: {} };
const volumeSaid = { name: 'pvc-1', uid: 'u2', node: 'n1', kind: 'LVM', where: 'pool-0', size: GIB };

const CASES: readonly [kind: Kind, object: unknown, changed: [string, unknown], gone: [string, unknown]][] = [
  ['storages', storage, ['nodeChanged', storage.storage], ['nodeGone', 'n1']],
  ['volumes', volume, ['volumeChanged', volumeSaid], ['volumeGone', 'pvc-1']],
  ['pods', pod, ['podChanged', pod], ['podGone', 'u3']],
  ['claims', claim, ['claimChanged', claim], ['claimGone', 'u4']],
  ['pvs', pv, ['pvChanged', facts], ['pvGone', 'pv-1']],
  ['classes', storageClass, ['classChanged', storageClass], ['classGone', 'fast']],
];

test.each(CASES)('what is heard of %s is told to the ledger, and that it is gone', (kind, object, changed, gone) => {
  const { say, told } = rig();
  say(kind, 'changed', object);
  say(kind, 'deleted', object);
  expect(told).toEqual([changed, gone]);
});
