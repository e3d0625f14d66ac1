import type { NodeStorage } from '../model/facts.ts';
import { NodeRoom, type FreedRoom } from './node-room.ts';

/** The nodes with storage, and those that only promises speak of. */
export class Cluster {
  readonly #nodes = new Map<string, NodeRoom>();
  readonly #freed: FreedRoom = { any: false, awaited: new Set() };

  /** A node that reports storage. */
  find(name: string): NodeRoom | undefined {
    const node = this.#nodes.get(name);
    return node?.present ? node : undefined;
  }

  /** A node that reports storage, or that promises speak of. */
  peek(name: string): NodeRoom | undefined {
    return this.#nodes.get(name);
  }

  /** The node, known or not: promises may speak of a node before it reports, and after it is gone. */
  room(name: string): NodeRoom {
    let node = this.#nodes.get(name);
    if (!node) this.#nodes.set(name, (node = new NodeRoom(name, this.#freed)));
    return node;
  }

  /** Takes a node's report. */
  report(storage: NodeStorage): void {
    this.room(storage.name).report(storage);
  }

  /** The node is gone; what was promised on it stays promised, without room. */
  remove(name: string): void {
    this.#nodes.get(name)?.report(undefined);
  }

  /** Forgets the nodes that are gone and that nothing speaks of any more. */
  pruneAbsent(): void {
    for (const [name, node] of this.#nodes) {
      if (node.present) continue;
      node.prune();
      if (node.isIdle()) this.#nodes.delete(name);
    }
  }

  *present(): Iterable<NodeRoom> {
    for (const node of this.#nodes.values()) if (node.present) yield node;
  }

  /** Something else than room came that a refused pod may wait for. */
  noteNews(): void {
    this.#freed.any = true;
  }

  all(): Iterable<NodeRoom> {
    return this.#nodes.values();
  }

  /** What was freed since the last call. */
  takeFreed(): { readonly any: boolean; readonly awaited: readonly NodeRoom[] } {
    const freed = { any: this.#freed.any, awaited: [...this.#freed.awaited] };
    this.#freed.any = false;
    this.#freed.awaited.clear();
    return freed;
  }
}
