/**
 * The names of volumes whose objects were let go, so that DeleteVolume, asked again, does not wait for what is lost. A
 * replica that begins to lead knows of none: for a disk that is lost alone it then says what it waits for.
 */
export interface LetGoVolumes {
  note(name: string): void;
  has(name: string): boolean;
}

/** csi-provisioner repeats a call within minutes; the oldest names go first. */
const MAX_NAMES = 10_000;

export function createLetGoVolumes(): LetGoVolumes {
  const names = new Set<string>();
  return {
    note: (name) => {
      for (const oldest of names) {
        if (names.size < MAX_NAMES) break;
        names.delete(oldest);
      }
      names.add(name);
    },
    has: (name) => names.has(name),
  };
}
