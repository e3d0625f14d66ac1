import { bytes, formatBytes, minus, roundUp, type Bytes } from '../../model/bytes.ts';
import { Fault } from '../../model/fault.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { sourceNeededBy } from '../../model/needed-data.ts';
import { KEEP } from '../../model/well-known.ts';
import type { VolumeReason } from '../../model/volume-reasons.ts';
import type { PlaceRequest } from '../../capacity/books/create-volume.ts';
import type { Refusal } from '../../model/verdict.ts';
import type { LimitsToSet, Room, Volumes } from '../ports.ts';
import { untilCalled } from '../../wait/abort.ts';

type Decide = () => void;

/** Volumes in memory, with agents whose deeds a test chooses. */
export class FakeVolumes implements Volumes {
  readonly objects = new Map<string, LocalVolume>();
  /** What the node's agent does with an object that is new, grown or deleted; absent: what it is asked. */
  agent: (volume: LocalVolume) => void = (volume) => this.obey(volume);
  /** Thrown by the next create, after or before the object was made. */
  failCreate: { readonly made: boolean; readonly fault: Fault } | undefined;
  /** The next grow fails with this, and changes nothing. */
  failGrow: Fault | undefined;
  /** Thrown by every takeBack. */
  failTakeBack: Fault | undefined;
  /** Sizes that were asked for by growing, in order. */
  readonly grows: Bytes[] = [];
  /** How often limits were set. */
  limitsSet = 0;
  /** Thrown by every remove. */
  failRemove: Fault | undefined;
  /** Creating a volume takes until this resolves. */
  pause: Promise<void> | undefined;
  /** How many were tried to be created. */
  creates = 0;
  /** Made by another process, and not heard of before a create met them. */
  readonly unheard = new Set<string>();
  readonly #watchers = new Set<Decide>();

  /** How many wait for a change. */
  get waiting(): number {
    return this.#watchers.size;
  }

  obey(volume: LocalVolume): void {
    const name = volume.metadata.name ?? '';
    if (volume.metadata.deletionTimestamp !== undefined) this.objects.delete(name);
    else
      volume.status = {
        phase: 'Ready',
        sizeBytes: volume.spec.sizeBytes,
        devicePath: `/dev/x/${name}`,
        ...(volume.spec.role === 'Snapshot' ? { snapshot: this.#cut(volume) } : {}),
      };
    this.changed();
  }

  #cut({ spec, status }: LocalVolume): NonNullable<LocalVolume['status']>['snapshot'] & object {
    const source = this.objects.get(spec.source?.volume ?? '');
    const first = { takenAt: '2026-01-02T03:04:05Z', usedBytes: 0, sourceBytes: source?.status?.sizeBytes ?? 0 };
    return { ...first, ...status?.snapshot };
  }

  fail(volume: LocalVolume, reason: VolumeReason, message: string): void {
    if (volume.metadata.deletionTimestamp !== undefined) return this.obey(volume);
    volume.status = { ...volume.status, phase: volume.status?.sizeBytes ? 'Ready' : 'Failed', reason, message };
    this.changed();
  }

  noSpace(volume: LocalVolume): void {
    this.fail(volume, 'NoSpace', 'the group is full');
  }

  changed(): void {
    for (const look of this.#watchers) look();
  }

  all(): Iterable<LocalVolume> {
    return this.objects.values();
  }

  heard(id: string): LocalVolume | undefined {
    return this.unheard.has(id) ? undefined : this.objects.get(id);
  }

  async find(id: string): Promise<LocalVolume | undefined> {
    return this.objects.get(id);
  }

  async create(volume: LocalVolume): Promise<LocalVolume> {
    const { name = '' } = volume.metadata;
    this.creates += 1;
    await this.pause;
    const failure = this.failCreate;
    this.failCreate = undefined;
    if (failure?.made === false) throw failure.fault;
    if (this.objects.has(name)) {
      this.unheard.delete(name);
      throw new Fault('aborted', `${name} was made by another process`);
    }
    const made = structuredClone(volume);
    this.objects.set(name, made);
    this.agent(made);
    if (failure) throw failure.fault;
    return made;
  }

  async grow(id: string, size: Bytes): Promise<void> {
    const volume = this.objects.get(id);
    if (!volume) throw new Fault('not-found', id);
    this.grows.push(size);
    const failure = this.failGrow;
    this.failGrow = undefined;
    if (failure) throw failure;
    volume.spec.sizeBytes = size;
    this.agent(volume);
  }

  async takeBack(id: string, size: Bytes): Promise<void> {
    const volume = this.objects.get(id);
    if (!volume) throw new Fault('not-found', id);
    if (this.failTakeBack) throw this.failTakeBack;
    volume.spec.sizeBytes = size;
    this.agent(volume);
  }

  async setLimits(id: string, limits: LimitsToSet): Promise<void> {
    const volume = this.objects.get(id);
    if (!volume) throw new Fault('not-found', id);
    this.limitsSet += 1;
    volume.spec = { ...volume.spec, ...limits };
  }

  async remove(id: string): Promise<void> {
    if (this.failRemove) throw this.failRemove;
    const volume = this.objects.get(id);
    if (!volume) return;
    volume.metadata = { ...volume.metadata, annotations: {}, deletionTimestamp: '2026-01-01T00:00:00Z' };
    this.agent(volume);
  }

  async abandon(id: string): Promise<void> {
    this.objects.delete(id);
    this.changed();
  }

  async removeLater(id: string, why: string): Promise<void> {
    if (this.failRemove) throw this.failRemove;
    const volume = this.objects.get(id);
    if (volume)
      volume.metadata = {
        ...volume.metadata,
        annotations: { [KEEP]: why },
        deletionTimestamp: '2026-01-01T00:00:00Z',
      };
  }

  needing(id: string): LocalVolume[] {
    return [...this.objects.values()].filter((volume) => sourceNeededBy(volume) === id);
  }

  until<T>(
    id: string,
    decide: (volume: LocalVolume | undefined) => T | undefined,
    signal: AbortSignal,
  ): Promise<NonNullable<T>> {
    return untilCalled<NonNullable<T>>((resolve) => {
      const look = (): void => {
        const decided = decide(this.objects.get(id));
        if (decided !== undefined && decided !== null) resolve(decided);
      };
      this.#watchers.add(look);
      look();
      return () => this.#watchers.delete(look);
    }, signal);
  }
}

/** One group `pool-0` on each node, with so many bytes. */
export class FakeRoom implements Room {
  readonly taken = new Map<string, { readonly node: string; readonly size: Bytes }>();
  readonly asked: PlaceRequest[] = [];
  readonly refusals: { readonly name: string; readonly whole: boolean }[] = [];
  readonly #nodes: Readonly<Record<string, Bytes>>;
  readonly #extent: Bytes;

  constructor(nodes: Readonly<Record<string, Bytes>>, extent: Bytes) {
    this.#nodes = nodes;
    this.#extent = extent;
  }

  free(node: string): Bytes {
    const taken = [...this.taken.values()].filter((one) => one.node === node);
    return minus(this.#nodes[node] ?? bytes(0), bytes(taken.reduce((sum, { size }) => sum + size, 0)));
  }

  place(request: PlaceRequest): ReturnType<Room['place']> {
    this.asked.push(request);
    const known = this.taken.get(request.name);
    const size = roundUp(request.size, this.#extent);
    const node = known?.node ?? (request.nodes ?? Object.keys(this.#nodes)).find((name) => this.free(name) >= size);
    if (node === undefined) return full(`not enough room for ${formatBytes(size)}`);
    this.taken.set(request.name, { node, size });
    return { ok: true, placement: { kind: 'LVM', node, vgName: 'pool-0', size } };
  }

  unplace(name: string): void {
    this.taken.delete(name);
  }

  refused(name: string, whole: boolean): void {
    this.refusals.push({ name, whole });
  }

  grow(name: string, size: Bytes): ReturnType<Room['grow']> {
    const { node = '', size: before = bytes(0) } = this.taken.get(name) ?? {};
    const wanted = roundUp(size, this.#extent);
    if (wanted - before > this.free(node))
      return full(`not enough room for ${formatBytes(minus(wanted, before))} more`);
    this.taken.set(name, { node, size: wanted });
    return { ok: true, size: wanted };
  }

  inExtents(_: string, size: Bytes): Bytes {
    return roundUp(size, this.#extent);
  }

  capacity(_: unknown, node?: string): ReturnType<Room['capacity']> {
    const free = (node === undefined ? Object.keys(this.#nodes) : [node]).map((name) => this.free(name));
    return { largest: bytes(Math.max(0, ...free)), available: bytes(free.reduce((sum, size) => sum + size, 0)) };
  }

  shrinkTo(name: string, size: Bytes): void {
    const known = this.taken.get(name);
    if (known) this.taken.set(name, { ...known, size });
  }
}

const full = (message: string): { readonly ok: false; readonly refusal: Refusal } => ({
  ok: false,
  refusal: { kind: 'group-too-small', message, unresolvable: true },
});
