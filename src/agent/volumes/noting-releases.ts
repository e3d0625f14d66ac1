import type { LocalVolume } from '../../model/local-volume.ts';
import type { VolumeWriter } from './write-volume.ts';

/**
 * The writer, and whether an object that is gone went by its release, asked once. That it is gone may be heard before
 * the release is answered.
 */
export function notingReleases(writer: VolumeWriter): {
  readonly write: VolumeWriter;
  readonly wasReleased: (volume: LocalVolume) => boolean;
} {
  const released = new Set<string>();
  const idOf = ({ metadata }: LocalVolume): string => metadata.uid ?? '';
  const release: VolumeWriter['release'] = async (volume, signal) => {
    released.add(idOf(volume));
    try {
      await writer.release(volume, signal);
    } catch (error) {
      released.delete(idOf(volume));
      throw error;
    }
  };
  return { write: { ...writer, release }, wasReleased: (volume) => released.delete(idOf(volume)) };
}
