import type { LocalVolume } from './local-volume.ts';
import { nodeLabelOf } from './node-label.ts';
import type { ObjectMeta } from './objects.ts';
import { KEEP, NODE_LABEL, VOLUME_FINALIZER } from './well-known.ts';

/** What a LocalVolume lacks of its metadata; the values are those that it should have. */
export interface MissingMarks {
  /** By this label its agent finds it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** All finalizers, with that by which its agent is waited for when it is deleted. */
  readonly finalizers?: readonly string[];
}

/**
 * The marks that somebody took off a LocalVolume; undefined when it has them. One that is being deleted gets no more
 * finalizers: the API server refuses them.
 */
export function missingMarks({ metadata, spec }: LocalVolume): MissingMarks | undefined {
  const label = nodeLabelOf(spec.nodeName);
  const lacksLabel = metadata.labels?.[NODE_LABEL] !== label;
  const lacksFinalizer = metadata.deletionTimestamp === undefined && !hasFinalizer(metadata);
  if (!lacksLabel && !lacksFinalizer) return undefined;
  return {
    ...(lacksLabel && { labels: { [NODE_LABEL]: label } }),
    ...(lacksFinalizer && { finalizers: [...(metadata.finalizers ?? []), VOLUME_FINALIZER] }),
  };
}

const hasFinalizer = ({ finalizers = [] }: ObjectMeta): boolean => finalizers.includes(VOLUME_FINALIZER);

/**
 * Whether the data of a volume of CSI goes with its object, whoever deletes that: for a moment while DeleteVolume
 * works, or since somebody took the mark off.
 */
export const lacksKeep = ({ metadata, spec }: LocalVolume): boolean =>
  spec.role === 'Volume' && metadata.deletionTimestamp === undefined && metadata.annotations?.[KEEP] === undefined;
