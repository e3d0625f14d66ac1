import type { BlockDevice } from '../../disk/disks.ts';
import { stackOf } from '../../disk/stack.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';
import { compareText } from './conditions.ts';
import type { Observation } from './observe.ts';

/** A disk whose failure would be ours to tell. */
export interface OwnDisk {
  readonly device: BlockDevice;
  /** What of ours is on it, or may come: names of volume groups, mount paths, paths of offered disks. */
  readonly carries: readonly string[];
  /** Kernel names of all devices that stand on it, its own among them. */
  readonly standing: ReadonlySet<string>;
  /** It, or what stands on it, does not answer. */
  readonly isSilent?: true;
}

type Seen = Pick<Observation, 'groups' | 'devices' | 'mountPoints' | 'silent'>;

/**
 * The physical disks below the volume groups, mount points and offered disks of a node, and those that its
 * configuration lists, whatever is between: partitions, multipath, arrays, LUKS.
 */
export function ownDisks(
  observation: Seen,
  spec: NodeLocalStorage['spec'],
  isManaged: (path: string) => boolean,
): readonly OwnDisk[] {
  const { devices, silent = [] } = observation;
  const places = placesOf(observation, spec, isManaged);
  const standingOn = stackOf(devices);
  const mute = new Set(devices.filter(({ path }) => silent.some(({ device }) => device === path)).map(nameOf));
  return devices
    .filter(({ kind }) => kind === 'disk')
    .flatMap((device) => {
      const standing = standingOn([device]);
      const carries = [...standing].flatMap((name) => places.get(name) ?? []);
      if (carries.length === 0) return [];
      const isSilent = [...standing].some((name) => mute.has(name)) ? { isSilent: true as const } : {};
      return [{ device, carries: [...new Set(carries)].toSorted(compareText), standing, ...isSilent }];
    });
}

const nameOf = ({ name }: BlockDevice): string => name;

/** What is on devices, by their kernel names. */
function placesOf(
  { groups, devices, mountPoints, silent = [] }: Seen,
  spec: NodeLocalStorage['spec'],
  isManaged: (path: string) => boolean,
): ReadonlyMap<string, readonly string[]> {
  const { vgs = [], mountpoints = [] } = spec?.resourceToBeInited ?? {};
  const found = [
    ...groups
      .filter(({ foreign, exported }) => !foreign && !exported)
      .flatMap(({ name, devices: members }) =>
        members.map(({ device, majorMinor }) => ({ known: [majorMinor, device], place: name })),
      ),
    ...silent.map(({ device, group }) => ({ known: [device], place: group ?? device })),
    ...mountPoints.map(({ entry }) => ({ known: [entry.majorMinor, entry.source], place: entry.target })),
    ...vgs.flatMap(({ name, devices: listed }) => listed.map((path) => ({ known: [path], place: name }))),
    ...mountpoints.map(({ path, device }) => ({ known: [device], place: path })),
    ...devices.filter(({ path }) => isManaged(path)).map(({ path }) => ({ known: [path], place: path })),
  ];
  const names = namesOf(devices);
  const places = new Map<string, string[]>();
  for (const { known, place } of found) {
    const name = known.flatMap((each) => names.get(each ?? '') ?? [])[0];
    if (name === undefined) continue;
    const there = places.get(name);
    if (there) there.push(place);
    else places.set(name, [place]);
  }
  return places;
}

/** Kernel names of devices, by whatever else they are known by. */
const namesOf = (devices: readonly BlockDevice[]): ReadonlyMap<string, string> =>
  new Map(
    devices.flatMap(({ name, path, majorMinor, links = [] }) =>
      [majorMinor, path, ...links].map((known) => [known, name] as const),
    ),
  );
