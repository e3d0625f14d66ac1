import type { Ledger } from '../../capacity/ledger.ts';
import type { Bytes } from '../../model/bytes.ts';
import type { VolumePolicy } from '../../model/storage-class.ts';
import type { Informers } from '../follow/informers.ts';
import { placeKey } from './tight-nodes.ts';
import type { StorageView } from '../follow/views.ts';

/** How large a volume could be if there were no others. */
export interface WholeSizes {
  readonly of: (policy: VolumePolicy) => Bytes;
  /** Calls `tell` when a node has other groups or units than before. Returns how to stop. */
  readonly onChange: (tell: () => void) => () => void;
}

interface WholeSizesDeps {
  readonly ledger: Pick<Ledger, 'capacity'>;
  /** The ledger has heard of them first. */
  readonly storages: Pick<Informers['storages'], 'subscribe'>;
}

/**
 * Remembers the largest group or unit of all nodes until some node's groups or units change: looking at all of them
 * takes ms.
 */
export function createWholeSizes({ ledger, storages }: WholeSizesDeps): WholeSizes {
  const known = new Map<string, Bytes>();
  return {
    of: (policy) => {
      const key = placeKey(policy);
      const size = known.get(key) ?? ledger.capacity(policy).whole;
      known.set(key, size);
      return size;
    },
    onChange: (tell) => {
      const forget = (): void => {
        known.clear();
        tell();
      };
      return storages.subscribe({
        changed: (now, before) => {
          if (!before || shapeOf(now) !== shapeOf(before)) forget();
        },
        deleted: forget,
      });
    },
  };
}

const shapeOf = ({ storage: { groups, units } }: StorageView): string =>
  JSON.stringify([
    groups.map(({ name, total, reserved, extentSize }) => [name, total, reserved, extentSize]),
    units.map(({ kind, path, size, mediaType }) => [kind, path, size, mediaType]),
  ]);
