import { present } from '../../src/model/present.ts';
import type { ClaimFacts, PodFacts, PodVolume, VolumeFacts } from '../../src/model/facts.ts';
import {
  askBind,
  askResume,
  askExpire,
  askFilter,
  askGrow,
  askPlace,
  askPrioritize,
  EXPECTED_TTL_MS,
  tellRefused,
  tellUnplace,
  tellWrong,
} from './asked.ts';
import { askStore } from './asked-snapshots.ts';
import { claimKeyOf, inExtents, inlineItems, toBytes } from './model.ts';
import { CLASSES, DRIVER, halfGib, KINDS, NAMESPACE, type Kind, type Objects } from './objects.ts';
import { demand } from './violation.ts';
import { HOLD_TTL_MS, type RealGroup, type RealNode, type World } from './world.ts';

/** An event of the cluster. Returns false when it cannot happen now, for want of an object. */
export interface Action {
  readonly name: string;
  readonly weight: number;
  /** True for events that break promises through no fault of the ledger: they happen only in rough histories. */
  readonly rough?: boolean;
  readonly act: (world: World) => boolean;
}

const OUR_CLASSES = ['any', 'any', 'any', 'pool-0', 'pool-0', 'pool-1', 'ssd', 'disk', 'mount'];
const OTHER_CLASSES = ['nfs', 'missing', 'wrong'];
const someClass = (w: World): string => w.random.pick(w.random.chance(90) ? OUR_CLASSES : OTHER_CLASSES) ?? 'any';

// --- What is there

const openPods = (w: World): PodFacts[] =>
  [...w.api.pod.values()].filter((pod) => pod.nodeName === undefined && !pod.finished);
const claimsOf = (w: World, pod: PodFacts): ClaimFacts[] =>
  pod.volumes.flatMap((volume) =>
    volume.kind === 'inline' ? [] : (w.api.claim.get(claimKeyOf(volume.claimName)) ?? []),
  );
const isOurs = (w: World, claim: ClaimFacts): boolean =>
  w.api.class.get(claim.storageClass ?? '')?.provisioner === DRIVER;
const unbound = (claim: ClaimFacts): boolean => claim.volumeName === undefined && !claim.bound;
const setClaim = (w: World, claim: ClaimFacts): void => w.set('claim', claimKeyOf(claim.name), claim);
const setPod = (w: World, pod: PodFacts): void => {
  w.noteBinding(pod);
  w.set('pod', claimKeyOf(pod.name), pod);
};
const someSize = (w: World): number => halfGib(1 + w.random.below(6)) + (w.random.chance(15) ? 1 : 0);
const someNode = (w: World): RealNode | undefined => w.random.pick([...w.nodes.values()].filter(({ lost }) => !lost));

function without<T extends object, K extends keyof T>(from: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = from;
  return rest;
}

// --- Users

function makeClaim(w: World, name: string, wanted: Partial<ClaimFacts> = {}): boolean {
  const key = claimKeyOf(name);
  if (w.api.claim.has(key)) return false;
  const storageClass = someClass(w);
  const source = !wanted.storageClass && w.random.chance(8) ? someSource(w) : undefined;
  const claim: ClaimFacts = {
    uid: w.nextId('c'),
    namespace: NAMESPACE,
    name,
    storageClass,
    requested: toBytes(someSize(w)),
    bound: false,
    deleting: false,
    ...present({ source }),
    ...(source === undefined && !wanted.standsInFor && !wanted.restore && filling(w)),
    ...wanted,
  };
  setClaim(w, claim);
  return true;
}

/** Some claims are filled by others: by a volume populator, or by Velero. */
function filling({ random }: World): Pick<ClaimFacts, 'populated' | 'restore'> {
  if (random.chance(10)) return { populated: true };
  return random.chance(6) ? { populated: true, restore: 'into' } : {};
}

/** Velero makes a claim like the one into which it restores. */
function restoreFrom(w: World): boolean {
  const waits = [...w.api.claim.values()].filter((claim) => claim.restore === 'into' && unbound(claim));
  const into = w.random.pick(waits.filter(({ selectedNode }) => selectedNode !== undefined));
  if (!into) return false;
  const { requested, storageClass, selectedNode } = into;
  return makeClaim(w, `dd-${w.random.below(4)}`, {
    restore: 'from',
    requested,
    ...present({ storageClass, selectedNode }),
  });
}

/** A volume populator makes a claim whose volume it will fill for another. */
function standIn(w: World): boolean {
  const waits = [...w.api.claim.values()].filter((claim) => claim.populated && unbound(claim));
  const first = w.random.pick(waits.filter(({ name }) => !w.api.claim.has(claimKeyOf(`prime-${name}`))));
  if (!first) return false;
  const { uid, name, storageClass, requested, selectedNode } = first;
  const node = selectedNode ?? (w.random.chance(20) ? w.random.pick(w.nodes.keys()) : undefined);
  return makeClaim(w, `prime-${name}`, {
    standsInFor: uid,
    requested,
    ...present({ storageClass, selectedNode: node }),
  });
}

/** The volume of a claim that stands in goes to the first, or both go on without each other. */
function handOver(w: World): boolean {
  const claims = [...w.api.claim.values()];
  const prime = w.random.pick(
    claims.filter(({ standsInFor, restore, bound }) => bound && (restore === 'from' || standsInFor !== undefined)),
  );
  const isLike = ({ requested, storageClass }: ClaimFacts): boolean =>
    requested === prime?.requested && storageClass === prime.storageClass;
  const first = claims.find((claim) =>
    prime?.restore ? claim.restore === 'into' && unbound(claim) && isLike(claim) : claim.uid === prime?.standsInFor,
  );
  const pv = w.api.pv.get(prime?.volumeName ?? '');
  if (!prime || !first || !pv || !unbound(first)) return false;
  w.set('pv', pv.name, { ...pv, claimUid: first.uid });
  setClaim(w, { ...first, volumeName: pv.name, bound: true });
  w.set('claim', claimKeyOf(prime.name), undefined);
  return true;
}

function someSource(w: World): ClaimFacts['source'] {
  const snapshot = w.random.pick(w.api.snapshot.values());
  if (snapshot && w.random.chance(60)) return { kind: 'VolumeSnapshot', name: snapshot.name };
  const origin = w.random.pick(w.api.claim.values());
  return origin && { kind: 'PersistentVolumeClaim', name: origin.name };
}

function makePod(w: World): boolean {
  const name = `p${w.random.below(5)}`;
  if (w.api.pod.has(claimKeyOf(name))) return false;
  const volumes: PodVolume[] = [];
  const uid = w.nextId('p');
  for (let i = 0; i <= w.random.below(3); i += 1) volumes.push(makeVolume(w, { name, uid }, i));
  setPod(w, { uid, namespace: NAMESPACE, name, finished: false, volumes });
  return true;
}

function makeVolume(w: World, pod: Pick<PodFacts, 'name' | 'uid'>, i: number): PodVolume {
  const kind = w.random.below(10);
  if (kind === 0) {
    const vgName = w.random.chance(70) ? 'pool-0' : 'pool-1';
    return {
      kind: 'inline',
      volumeName: `v${i}`,
      attributes: { vgName, ...(w.random.chance(50) ? { size: '1536Mi' } : {}) },
    };
  }
  if (kind === 1) {
    const claimName = `${pod.name}-${w.nextId('e')}`;
    const storageClass = someClass(w);
    const requested = toBytes(someSize(w));
    // The ephemeral volume controller makes the claim, now or later.
    if (w.random.chance(70)) makeClaim(w, claimName, { storageClass, requested, ofPod: pod.uid });
    return { kind: 'ephemeral', claimName, storageClass, requested };
  }
  const claimName = `c${w.random.below(7)}`;
  if (!w.random.chance(3)) makeClaim(w, claimName);
  return { kind: 'claim', claimName };
}

function makeEphemeralClaim(w: World): boolean {
  const missing = [...w.api.pod.values()].flatMap((pod) =>
    pod.volumes
      .filter((volume) => volume.kind === 'ephemeral' && !w.api.claim.has(claimKeyOf(volume.claimName)))
      .map((volume) => ({ volume, ofPod: pod.uid })),
  );
  const { volume, ofPod } = w.random.pick(missing) ?? {};
  if (volume?.kind !== 'ephemeral' || ofPod === undefined) return false;
  const { claimName, storageClass = 'any', requested } = volume;
  return makeClaim(w, claimName, { storageClass, requested, ofPod });
}

function deleteClaim(w: World): boolean {
  const claim = w.random.pick(w.api.claim.values());
  if (!claim) return false;
  if (!claim.deleting && w.random.chance(40)) {
    setClaim(w, { ...claim, deleting: true });
    return true;
  }
  w.set('claim', claimKeyOf(claim.name), undefined);
  for (const volume of w.api.volume.values()) if (volume.claimUid === claim.uid) w.doomed.add(volume.name);
  for (const pv of w.api.pv.values())
    if (pv.claimUid === claim.uid && !w.doomed.has(pv.handle)) w.set('pv', pv.name, undefined);
  return true;
}

/** Deletes an object and makes it again under the same name before anybody notices. */
function replaceClaim(w: World): boolean {
  const claim = w.random.pick([...w.api.claim.values()].filter(unbound));
  if (!claim) return false;
  const { name, storageClass = 'any', requested, ofPod } = claim;
  w.set('claim', claimKeyOf(name), undefined);
  for (const volume of w.api.volume.values()) if (volume.claimUid === claim.uid) w.doomed.add(volume.name);
  // The claim of an ephemeral volume is made from the same template again.
  return makeClaim(w, name, name.startsWith('c') ? {} : { storageClass, requested, ...present({ ofPod }) });
}

function endPod(w: World, pod: PodFacts | undefined, finished: boolean): boolean {
  if (!pod) return false;
  if (finished) setPod(w, { ...pod, finished: true });
  else w.set('pod', claimKeyOf(pod.name), undefined);
  w.answers.delete(pod.uid);
  for (const { key } of inlineItems(pod)) if (w.api.volume.has(key)) w.doomed.add(key);
  return true;
}

/** Not one with the claim of an ephemeral volume, which stays the earlier pod's until it is collected. */
function replacePod(w: World): boolean {
  const isPlain = ({ volumes }: PodFacts): boolean => volumes.every(({ kind }) => kind !== 'ephemeral');
  const pod = w.random.pick([...w.api.pod.values()].filter(isPlain));
  if (!pod) return false;
  endPod(w, pod, false);
  setPod(w, { ...without(without(pod, 'nodeName'), 'nominatedNode'), uid: w.nextId('p'), finished: false });
  return true;
}

// --- The scheduler

const filterOne = (w: World): boolean => {
  const pod = w.random.pick(openPods(w));
  if (pod) askFilter(w, pod);
  return pod !== undefined;
};

function prioritize(w: World): boolean {
  const pod = w.random.pick(openPods(w));
  if (pod) askPrioritize(w, pod);
  return pod !== undefined;
}

/** The scheduler assumes the pod on one of the offered nodes, and writes the node on its claims. */
function select(w: World, pod: PodFacts | undefined, node: string | undefined): boolean {
  if (!pod || node === undefined) return false;
  const open = claimsOf(w, pod).filter((claim) => unbound(claim) && claim.selectedNode === undefined);
  for (const claim of open) setClaim(w, { ...claim, selectedNode: node });
  return open.length > 0;
}

const selectOffered = (w: World): boolean => {
  const pod = w.random.pick(openPods(w).filter(({ uid }) => (w.answers.get(uid)?.length ?? 0) > 0));
  return select(w, pod, pod && w.random.pick(w.answers.get(pod.uid) ?? []));
};

const selectAnything = (w: World): boolean => select(w, w.random.pick(openPods(w)), w.random.pick(w.nodes.keys()));

function nominate(w: World): boolean {
  const pod = w.random.pick(openPods(w));
  const node = w.random.pick(w.random.chance(70) && pod ? (w.answers.get(pod.uid) ?? []) : w.nodes.keys());
  if (!pod || node === undefined) return false;
  setPod(w, { ...pod, nominatedNode: node });
  return true;
}

function bindVerb(w: World): boolean {
  if (!w.bindsByVerb) return false;
  const pod = w.random.pick(openPods(w));
  const node = w.random.pick(w.random.chance(70) && pod ? (w.answers.get(pod.uid) ?? []) : w.nodes.keys());
  if (!pod || node === undefined) return false;
  askBind(w, pod, node);
  return true;
}

/** The last step of scheduling: all claims are bound. */
function bindPod(w: World): boolean {
  const pod = w.random.pick(
    openPods(w).filter((each) => claimsOf(w, each).every((claim) => claim.bound || !isOurs(w, claim))),
  );
  if (!pod) return false;
  const [chosen] = claimsOf(w, pod).flatMap(({ selectedNode }) => selectedNode ?? []);
  const node = chosen ?? w.random.pick(w.answers.get(pod.uid) ?? []);
  if (node === undefined) return false;
  // Whatever the verb says: kube-scheduler binds past an extender that may be ignored.
  if (w.bindsByVerb) askBind(w, pod, node);
  setPod(w, { ...pod, nodeName: node });
  return true;
}

function bindByHand(w: World): boolean {
  const pod = w.random.pick(openPods(w));
  const node = w.random.pick(w.nodes.keys());
  if (!pod || node === undefined) return false;
  setPod(w, { ...pod, nodeName: node });
  return true;
}

// --- The provisioner and the operator

function provisionable(w: World): ClaimFacts[] {
  return [...w.api.claim.values()].filter((claim) => {
    const wanted =
      claim.storageClass !== 'wrong' && isOurs(w, claim) && w.model.policyOf(claim.storageClass) !== undefined;
    return wanted && !claim.populated && unbound(claim) && !w.api.volume.has(`pvc-${claim.uid}`);
  });
}

/** CreateVolume: takes the room, and then the object is made, or not, or the operator dies in between. */
function create(w: World, claim: ClaimFacts, nodes: readonly string[] | undefined): boolean {
  const volume = askPlace(w, { claim, nodes });
  if (!volume) {
    setClaim(w, without(claim, 'selectedNode'));
    return true;
  }
  const outcome = w.random.below(10);
  if (outcome < 7) w.set('volume', volume.name, { ...volume, uid: w.nextId('v') });
  else if (outcome < 9) tellUnplace(w, volume);
  return true;
}

function provision(w: World): boolean {
  const claim = w.random.pick(provisionable(w).filter(({ selectedNode }) => selectedNode !== undefined));
  return claim?.selectedNode !== undefined && create(w, claim, [claim.selectedNode]);
}

function provisionAtOnce(w: World): boolean {
  const claim = w.random.pick(provisionable(w).filter(({ selectedNode }) => selectedNode === undefined));
  return claim !== undefined && create(w, claim, w.random.chance(50) ? undefined : w.random.shuffle(w.nodes.keys()));
}

/** Repeats the same call, before or after its object was seen: same place, no more room. */
function placeAgain(w: World): boolean {
  const claim = w.random.pick(
    [...w.api.claim.values()].filter(({ uid }) => w.model.uses().some(({ name }) => name === `pvc-${uid}`)),
  );
  if (!claim) return false;
  const taken = (): string =>
    JSON.stringify([...w.model.known.node.values()].map((n) => n.groups.map((g) => w.model.taken(n.name, g.name))));
  const before = taken();
  const volume = askPlace(w, { claim, nodes: claim.selectedNode === undefined ? undefined : [claim.selectedNode] });
  demand(volume === undefined || taken() === before, () => `place: ${volume?.name} took room twice`);
  // The repeated call makes the object unless it exists.
  if (volume && !w.api.volume.has(volume.name) && !w.api.pv.has(volume.name))
    w.set('volume', volume.name, { ...volume, uid: w.nextId('v') });
  return volume !== undefined;
}

function refuseForGood(w: World): boolean {
  const claim = w.random.pick(provisionable(w));
  if (claim) tellWrong(w, claim);
  return claim !== undefined;
}

function giveBack(w: World): boolean {
  const claim = w.random.pick(provisionable(w).filter(({ selectedNode }) => selectedNode !== undefined));
  if (claim) setClaim(w, without(claim, 'selectedNode'));
  return claim !== undefined;
}

function bindClaim(w: World): boolean {
  const ready = [...w.api.volume.values()].filter(
    ({ name, claimUid }) => claimUid !== undefined && onDisk(w, name) && !w.doomed.has(name),
  );
  const volume = w.random.pick(ready);
  const claim = [...w.api.claim.values()].find(({ uid }) => uid === volume?.claimUid);
  if (!volume || !claim || !unbound(claim)) return false;
  w.set('pv', volume.name, pvOf(volume, claim));
  setClaim(w, { ...claim, volumeName: volume.name, bound: true });
  return true;
}

function pvOf({ name, node, kind, where, size }: VolumeFacts, claim: ClaimFacts) {
  return { name, driver: DRIVER, handle: name, node, claimUid: claim.uid, takes: { kind, where, size } };
}

/** An administrator gives the volume of a claim that is gone, and that was retained, to another claim. */
function rebind(w: World): boolean {
  const bound = [...w.api.claim.values()].filter(({ bound: is, volumeName = '' }) => is && w.api.pv.has(volumeName));
  const last = w.random.pick(bound.filter(({ volumeName = '' }) => !w.doomed.has(volumeName)));
  const pv = w.api.pv.get(last?.volumeName ?? '');
  const open = [...w.api.claim.values()].filter((claim) => unbound(claim) && !w.api.volume.has(`pvc-${claim.uid}`));
  const next = w.random.pick(open.filter(({ storageClass }) => storageClass === last?.storageClass));
  if (!last || !pv || !next) return false;
  w.set('claim', claimKeyOf(last.name), undefined);
  w.set('pv', pv.name, { ...pv, claimUid: next.uid });
  setClaim(w, { ...next, volumeName: pv.name, bound: true });
  return true;
}

/** A claim goes and its volume was retained: its PersistentVolume may be bound to any claim of the class. */
function offer(w: World): boolean {
  const bound = [...w.api.claim.values()].filter(({ bound: is, volumeName = '' }) => is && w.api.pv.has(volumeName));
  const last = w.random.pick(bound.filter(({ volumeName = '' }) => !w.doomed.has(volumeName)));
  const pv = w.api.pv.get(last?.volumeName ?? '');
  if (!last || !pv?.takes || pv.node === undefined) return false;
  w.set('claim', claimKeyOf(last.name), undefined);
  w.set('pv', pv.name, {
    ...without(pv, 'claimUid'),
    offer: {
      ...{ storageClass: last.storageClass ?? '', capacity: pv.takes.size, block: false, labels: {}, available: true },
      ...{ accessModes: ['ReadWriteOnce'], nodes: [pv.node] },
      ...(w.random.chance(30) && { claim: { namespace: NAMESPACE, name: `c${w.random.below(7)}` } }),
    },
  });
  return true;
}

/** kube-scheduler binds a claim to a PersistentVolume that exists. */
function bindToOffer(w: World): boolean {
  const pv = w.random.pick([...w.api.pv.values()].filter((each) => each.offer !== undefined));
  const { storageClass: offered, capacity = 0, claim: reserved } = pv?.offer ?? {};
  const suits = ({ name, storageClass, requested, selectedNode }: ClaimFacts): boolean =>
    selectedNode === undefined &&
    storageClass === offered &&
    requested <= capacity &&
    (reserved === undefined || reserved.name === name);
  const claim = w.random.pick([...w.api.claim.values()].filter((each) => unbound(each) && suits(each)));
  if (!pv || !claim || w.api.volume.has(`pvc-${claim.uid}`)) return false;
  w.set('pv', pv.name, { ...without(pv, 'offer'), claimUid: claim.uid });
  setClaim(w, { ...claim, volumeName: pv.name, bound: true });
  return true;
}

function growVolume(w: World): boolean {
  const volume = w.random.pick([...w.api.volume.values()].filter(({ name }) => onDisk(w, name) && !w.doomed.has(name)));
  const known = volume && w.model.known.volume.get(volume.name);
  if (!volume || !known) return false;
  const size = askGrow(w, known, volume.size + halfGib(1 + w.random.below(3)));
  if (size === undefined || volume.kind !== 'LVM') return true;
  if (w.random.chance(70)) {
    w.set('volume', volume.name, { ...volume, size: toBytes(Math.max(size, volume.size)) });
  } else {
    w.ledger.shrinkTo(volume.name, volume.size);
    if (known.size >= volume.size) w.model.grown.delete(volume.name);
    else w.model.grown.set(volume.name, volume.size);
  }
  return true;
}

// --- Snapshots and copies

/** Volumes whose data can be read. */
const readable = (w: World): VolumeFacts[] =>
  [...w.api.volume.values()].filter(
    ({ name, kind }) => kind === 'LVM' && name.startsWith('pvc-') && onDisk(w, name) && !w.doomed.has(name),
  );

/** CreateSnapshot: takes room for the store beside its origin, and then the object is made, or not, as in `create`. */
function takeSnapshot(w: World): boolean {
  const origin = w.random.pick(readable(w));
  return origin !== undefined && makeStore(w, origin, w.nextId('snap-'));
}

function makeStore(w: World, origin: VolumeFacts, name: string): boolean {
  const store = askStore(w, origin, name, halfGib(1 + w.random.below(3)));
  if (!store) return true;
  w.origins.set(name, origin.name);
  const outcome = w.random.below(10);
  if (outcome < 7) w.set('volume', name, { ...store, uid: w.nextId('v') });
  else if (outcome < 9) tellUnplace(w, store);
  return true;
}

/** The same call again, before or after its object was seen: the same place, and no more room. */
function takeAgain(w: World): boolean {
  const use = w.random.pick(w.model.uses().filter(({ name }) => w.origins.has(name)));
  if (!use) return false;
  const before = w.model.taken(use.node, use.where);
  const again = askStore(w, use, use.name, use.size);
  const after = w.model.taken(use.node, use.where);
  demand(again !== undefined && before === after, () => `place: the store ${use.name} took room twice`);
  if (!w.api.volume.has(use.name)) w.set('volume', use.name, { ...again, uid: w.nextId('v') });
  return true;
}

function deleteSnapshot(w: World): boolean {
  const name = w.random.pick([...w.origins.keys()].filter((each) => w.api.volume.has(each) && !w.doomed.has(each)));
  if (name !== undefined) w.doomed.add(name);
  return name !== undefined;
}

/** A copy of a volume is read from a snapshot of it, which is made for that alone. */
function cloneVolume(w: World): boolean {
  const origin = w.random.pick(readable(w));
  const claim = w.random.pick(provisionable(w));
  if (!origin || !claim || !create(w, claim, [origin.node])) return false;
  const clone = `pvc-${claim.uid}`;
  if (!w.api.volume.has(clone)) return true;
  const name = w.nextId('snap-');
  w.copies.set(clone, name);
  return makeStore(w, origin, name);
}

/** The copy is whole, or its volume is gone: what it was read from goes. */
function endCopy(w: World): boolean {
  const found = w.random.pick([...w.copies].filter(([clone]) => !w.api.volume.has(clone) || onDisk(w, clone)));
  if (!found) return false;
  const [clone, name] = found;
  w.copies.delete(clone);
  if (w.api.volume.has(name)) w.doomed.add(name);
  return true;
}

function restart(w: World): boolean {
  w.restart();
  askResume(w);
  return true;
}

// --- The agents

const onDisk = (w: World, name: string): boolean =>
  [...w.nodes.values()].some(
    (node) =>
      node.units.some(({ owner }) => owner === name) ||
      [...node.groups.values()].some((group) => group.volumes.has(name)),
  );

function makeOnDisk(w: World, volume: VolumeFacts | undefined): boolean {
  const node = w.nodes.get(volume?.node ?? '');
  if (!volume || !node || node.lost) return false;
  const made = volume.kind === 'LVM' ? makeLogicalVolume(w, node, volume) : takeUnit(node, volume);
  const promised = /^(pvc|snap)-/.test(volume.name) && !w.disturbed.has(node.name);
  demand(
    made || !promised,
    () => `${node.name}: no room in ${volume.where} for ${volume.name}, which was placed there`,
  );
  if (!made) fail(w, volume);
  return true;
}

function makeLogicalVolume(w: World, node: RealNode, { name, where, size }: VolumeFacts): boolean {
  const volumes = node.groups.get(where)?.volumes;
  const now = volumes?.get(name) ?? 0;
  const wanted = Math.max(now, inExtents(size, node));
  if (!volumes || w.freeOnDisk(node.name, where) < wanted - now) return false;
  volumes.set(name, wanted);
  return true;
}

function takeUnit(node: RealNode, { name, where }: VolumeFacts): boolean {
  const unit = node.units.find(({ facts }) => facts.path === where);
  if (!unit || unit.blocked || (unit.owner !== undefined && unit.owner !== name)) return false;
  unit.owner = name;
  return true;
}

/** The operator deletes the object, and the provisioner removes the selected node. */
function fail(w: World, volume: VolumeFacts): void {
  if (onDisk(w, volume.name)) return;
  w.set('volume', volume.name, undefined);
  const claim = [...w.api.claim.values()].find(({ uid }) => uid === volume.claimUid);
  if (claim && unbound(claim)) setClaim(w, without(claim, 'selectedNode'));
}

function agentMakes(w: World): boolean {
  const behind = [...w.api.volume.values()].filter(({ name, size, kind, node, where }) => {
    const real = w.nodes.get(node)?.groups.get(where)?.volumes.get(name);
    return !w.doomed.has(name) && (!onDisk(w, name) || (kind === 'LVM' && real !== undefined && real < size));
  });
  return makeOnDisk(w, w.random.pick(behind));
}

/** The agent has no room for a volume that its report promised: CreateVolume says so, and goes elsewhere. */
function agentRefuses(w: World): boolean {
  const open = w.model.uses().filter(({ name, kind }) => name.startsWith('pvc-') && kind === 'LVM' && !onDisk(w, name));
  const use = w.random.pick(open.filter(({ name }) => w.api.volume.has(name) && !w.doomed.has(name)));
  const volume = use && w.api.volume.get(use.name);
  if (!volume) return false;
  w.disturbed.add(use.node);
  tellRefused(w, use, w.random.chance(20));
  fail(w, volume);
  return true;
}

/** The kubelet publishes an inline volume: the agent makes and records it. */
function publishInline(w: World): boolean {
  const bound = [...w.api.pod.values()].filter(({ nodeName, finished }) => nodeName !== undefined && !finished);
  const missing = bound.flatMap((pod) => inlineItems(pod).map((item) => ({ pod, item, name: item.key })));
  const found = w.random.pick(missing.filter(({ name }) => !w.api.volume.has(name) && !onDisk(w, name)));
  const node = w.nodes.get(found?.pod.nodeName ?? '');
  if (!found || !node || node.lost) return false;
  const { pod, item, name } = found;
  const where = item.policy.vgName ?? '';
  const uid = w.nextId('v');
  const volume: VolumeFacts = {
    name,
    uid,
    node: node.name,
    kind: 'LVM',
    where,
    size: toBytes(item.size),
    podUid: pod.uid,
  };
  if (!makeLogicalVolume(w, node, volume)) return false;
  w.set('volume', name, volume);
  return true;
}

function agentRemoves(w: World): boolean {
  const name = w.random.pick(w.doomed);
  const volume = name === undefined ? undefined : w.api.volume.get(name);
  if (name === undefined) return false;
  if (volume && w.nodes.get(volume.node)?.lost) return false;
  if (isNeeded(w, name)) return false;
  w.doomed.delete(name);
  takeFromDisk(w, name);
  w.set('volume', name, undefined);
  if (w.api.pv.has(name)) w.set('pv', name, undefined);
  return true;
}

/** A volume whose deletion was asked for stays, with its room, until its last snapshot is gone. */
const isNeeded = (w: World, name: string): boolean =>
  [...w.origins].some(([store, origin]) => origin === name && (w.api.volume.has(store) || onDisk(w, store)));

function takeFromDisk(w: World, name: string): void {
  for (const node of w.nodes.values()) {
    for (const group of node.groups.values()) group.volumes.delete(name);
    for (const unit of node.units) if (unit.owner === name) unit.owner = undefined;
  }
}

function report(w: World): boolean {
  const node = w.random.pick(w.nodes.keys());
  if (node !== undefined) w.report(node);
  return node !== undefined;
}

// --- Strangers and accidents

function someGroup(w: World) {
  const node = someNode(w);
  const entry = node && w.random.pick(node.groups);
  return node && entry ? { node, name: entry[0], group: entry[1] } : undefined;
}

function strangerMakes(w: World): boolean {
  const found = someGroup(w);
  const size = inExtents(halfGib(1 + w.random.below(3)), found?.node);
  if (!found || w.freeOnDisk(found.node.name, found.name) < size) return false;
  found.group.volumes.set(w.nextId('stranger-'), size);
  w.disturbed.add(found.node.name);
  return true;
}

function strangerRemoves(w: World): boolean {
  const found = someGroup(w);
  const name = [...(found?.group.volumes.keys() ?? [])].find((each) => each.startsWith('stranger-'));
  return name !== undefined && (found?.group.volumes.delete(name) ?? false);
}

/** Makes a volume, as by hand or long ago, that only a PersistentVolume records. */
function adopt(w: World): boolean {
  const found = someGroup(w);
  const claimName = `c${w.random.below(7)}`;
  const size = inExtents(halfGib(1 + w.random.below(3)), found?.node);
  if (!found || w.api.claim.has(claimKeyOf(claimName)) || w.freeOnDisk(found.node.name, found.name) < size)
    return false;
  const uid = w.nextId('c');
  const name = `local-${uid}`;
  found.group.volumes.set(name, size);
  w.disturbed.add(found.node.name);
  const base = {
    uid,
    namespace: NAMESPACE,
    name: claimName,
    storageClass: 'any',
    requested: toBytes(size),
    deleting: false,
  };
  setClaim(w, { ...base, bound: true, volumeName: name, selectedNode: found.node.name });
  const takes = { kind: 'LVM', where: found.name, size: toBytes(size) } as const;
  w.set('pv', name, {
    name,
    driver: DRIVER,
    handle: name,
    node: found.node.name,
    claimUid: uid,
    ...(w.random.chance(70) ? { takes } : {}),
  });
  return true;
}

function recordByHand(w: World): boolean {
  const found = someGroup(w);
  if (!found) return false;
  const name = w.nextId('by-hand-');
  w.set('volume', name, {
    name,
    uid: w.nextId('v'),
    node: found.node.name,
    kind: 'LVM',
    where: found.name,
    size: halfGib(1 + w.random.below(4)),
  });
  w.disturbed.add(found.node.name);
  return true;
}

const change =
  (edit: (group: RealGroup, w: World, node: RealNode) => void, disturbs = true) =>
  (w: World): boolean => {
    const found = someGroup(w);
    if (!found) return false;
    edit(found.group, w, found.node);
    if (disturbs) w.disturbed.add(found.node.name);
    return true;
  };

function toggleUnit(w: World): boolean {
  const node = someNode(w);
  const unit = node && w.random.pick(node.units);
  if (!node || !unit) return false;
  unit.blocked = !unit.blocked;
  w.disturbed.add(node.name);
  return true;
}

function loseNode(w: World): boolean {
  const node = w.random.pick(w.nodes.values());
  if (!node) return false;
  node.lost = !node.lost;
  w.disturbed.add(node.name);
  w.report(node.name);
  return true;
}

/** Somebody says that the node will not come back: its volumes are let go of, and nobody saw them removed. */
function loseForGood(w: World): boolean {
  const node = w.random.pick(w.nodes.values());
  if (!node) return false;
  node.lost = true;
  w.disturbed.add(node.name);
  w.report(node.name);
  for (const volume of w.api.volume.values()) {
    if (volume.node !== node.name) continue;
    w.doomed.delete(volume.name);
    w.set('volume', volume.name, undefined);
  }
  for (const pv of w.api.pv.values()) {
    if (pv.node !== node.name) continue;
    w.set('pv', pv.name, undefined);
    // Kubernetes calls the claim Lost.
    const claim = [...w.api.claim.values()].find(({ volumeName }) => volumeName === pv.name);
    if (claim) setClaim(w, { ...claim, bound: false });
  }
  return true;
}

function loseClass(w: World): boolean {
  const facts = w.random.pick(CLASSES);
  if (!facts) return false;
  w.set('class', facts.name, w.api.class.has(facts.name) ? undefined : facts);
  return true;
}

function snapshot(w: World): boolean {
  const known = w.random.pick(w.api.snapshot.values());
  if (known && w.random.chance(30)) {
    w.set('snapshot', claimKeyOf(known.name), undefined);
    return true;
  }
  const volume = w.random.pick(w.api.volume.values());
  if (!volume) return false;
  const name = `s${w.random.below(3)}`;
  w.set('snapshot', claimKeyOf(name), { namespace: NAMESPACE, name, node: volume.node, readOnly: w.random.chance(30) });
  return true;
}

// --- Time and the watches

const deliver = (w: World): boolean => w.random.shuffle(KINDS).some((kind) => w.deliver(kind));

function duplicate(w: World): boolean {
  const kind = w.random.pick(KINDS) ?? 'claim';
  const known = w.random.pick<readonly [string, Objects[Kind]]>(w.model.known[kind]);
  if (known) w.tell(kind, known[0], known[1]);
  return known !== undefined;
}

function pass(w: World, ms: number): boolean {
  w.now += ms;
  askExpire(w);
  return true;
}

export const ACTIONS: readonly Action[] = [
  { name: 'a user makes a claim', weight: 3, act: (w) => makeClaim(w, `c${w.random.below(7)}`) },
  { name: 'the claim of an ephemeral volume comes', weight: 4, act: makeEphemeralClaim },
  { name: 'a user makes a pod', weight: 14, act: makePod },
  { name: 'a populator makes a claim', weight: 8, act: standIn },
  { name: 'Velero makes a claim', weight: 8, act: restoreFrom },
  { name: 'a populator hands a volume over', weight: 8, act: handOver },
  { name: 'a user deletes a claim', weight: 4, act: deleteClaim },
  { name: 'a claim is replaced under its name', weight: 5, act: replaceClaim },
  { name: 'a user deletes a pod', weight: 3, act: (w) => endPod(w, w.random.pick(w.api.pod.values()), false) },
  { name: 'a pod is evicted or ends', weight: 2, act: (w) => endPod(w, w.random.pick(w.api.pod.values()), true) },
  { name: 'a pod is replaced under its name', weight: 2, act: replacePod },
  { name: 'a pod is filtered', weight: 18, act: filterOne },
  { name: 'two pods are filtered at once', weight: 5, act: (w) => filterOne(w) && filterOne(w) },
  { name: 'a pod is prioritized', weight: 2, act: prioritize },
  { name: 'the scheduler selects an offered node', weight: 30, act: selectOffered },
  { name: 'another scheduler selects any node', weight: 1, act: selectAnything },
  { name: 'a pod is nominated', weight: 2, act: nominate },
  { name: 'the bind verb is called', weight: 4, act: bindVerb },
  { name: 'the scheduler binds a pod', weight: 20, act: bindPod },
  { name: 'a pod is bound by hand', weight: 1, act: bindByHand },
  { name: 'the provisioner creates a volume', weight: 35, act: provision },
  { name: 'a volume is created without a selected node', weight: 2, act: provisionAtOnce },
  { name: 'CreateVolume is retried', weight: 8, act: placeAgain },
  { name: 'the provisioner gives a pod back', weight: 2, act: giveBack },
  { name: 'a claim is bound to its volume', weight: 35, act: bindClaim },
  { name: 'a retained volume is given to another claim', weight: 3, act: rebind },
  { name: 'a retained volume is there for any claim', weight: 4, act: offer },
  { name: 'a claim is bound to a volume that is there', weight: 5, act: bindToOffer },
  { name: 'a volume grows, or fails to', weight: 12, act: growVolume },
  { name: 'a snapshot is taken', weight: 10, act: takeSnapshot },
  { name: 'CreateSnapshot is retried', weight: 4, act: takeAgain },
  { name: 'a snapshot is deleted', weight: 6, act: deleteSnapshot },
  { name: 'a volume is cloned', weight: 5, act: cloneVolume },
  { name: 'a copy ends', weight: 8, act: endCopy },
  { name: 'the operator restarts', weight: 2, act: restart },
  { name: 'an agent makes or grows a volume', weight: 40, act: agentMakes },
  { name: 'an agent publishes an inline volume', weight: 20, act: publishInline },
  { name: 'an agent removes a volume', weight: 20, act: agentRemoves },
  { name: 'an agent reports', weight: 8, act: report },
  { name: 'a snapshot comes or goes', weight: 2, act: snapshot },
  { name: 'a class comes or goes', weight: 1, act: loseClass },
  { name: 'an event arrives', weight: 20, act: deliver },
  { name: 'all events arrive', weight: 16, act: (w) => (w.deliverAll(), true) },
  { name: 'an object is told again', weight: 4, act: duplicate },
  { name: 'a watch breaks and lists again', weight: 3, act: (w) => (w.relist(w.random.pick(KINDS) ?? 'claim'), true) },
  { name: 'a second passes', weight: 3, act: (w) => pass(w, 1000) },
  { name: 'the time of holds passes', weight: 1, act: (w) => (w.deliverAll(), pass(w, HOLD_TTL_MS)) },
  { name: 'the time of what is expected passes', weight: 1, act: (w) => (w.deliverAll(), pass(w, EXPECTED_TTL_MS)) },
  { name: 'a group is extended', weight: 1, act: change((group) => (group.total += halfGib(4)), false) },
  { name: 'a reservation is lifted', weight: 1, act: change((group) => (group.reserved = 0), false) },
  { name: 'a stranger makes a volume', weight: 2, rough: true, act: strangerMakes },
  { name: 'a stranger removes its volume', weight: 4, rough: true, act: strangerRemoves },
  { name: 'a volume of old times is found', weight: 2, rough: true, act: adopt },
  { name: 'a volume is recorded by hand', weight: 1, rough: true, act: recordByHand },
  {
    name: 'room is reserved',
    weight: 2,
    rough: true,
    act: change((group, w) => (group.reserved = halfGib(w.random.below(6)))),
  },
  {
    name: 'a group is cordoned, or opened',
    weight: 2,
    rough: true,
    act: change((group) => (group.cordoned = !group.cordoned)),
  },
  {
    name: 'a mirror takes room',
    weight: 1,
    rough: true,
    act: change((group, w) => (group.meta = halfGib(w.random.below(3)))),
  },
  {
    name: 'a disk dies',
    weight: 1,
    rough: true,
    act: change((group, _, node) => (group.total = Math.max(node.extentSize, group.total - halfGib(4)))),
  },
  {
    name: 'a group cannot be read for a while',
    weight: 2,
    rough: true,
    act: change((group) => (group.unreadable = !group.unreadable)),
  },
  {
    name: 'a second group of the name comes, or goes',
    weight: 1,
    rough: true,
    act: change((group) => (group.duplicate = !group.duplicate)),
  },
  { name: 'CreateVolume refuses a claim for what it is', weight: 2, act: refuseForGood },
  { name: 'an agent refuses what its report promised', weight: 6, rough: true, act: agentRefuses },
  { name: 'a node is lost for good', weight: 1, rough: true, act: loseForGood },
  { name: 'a disk is taken or given back', weight: 1, rough: true, act: toggleUnit },
  { name: 'a node vanishes or returns', weight: 2, rough: true, act: loseNode },
];
