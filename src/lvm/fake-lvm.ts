import { createFakeRun, exits, type FakeRun } from '../exec/fake-run.ts';
import { MIB } from '../model/bytes.ts';
import { UNFINISHED_TAG } from './names.ts';

const EXTENT = 4 * MIB;

interface FakeVolume {
  readonly name: string;
  readonly uuid: string;
  readonly size: number;
  readonly tags: readonly string[];
}

/** The program `lvm` on a machine with one group on one disk, for tests that count or script commands. */
export interface FakeLvm extends FakeRun {
  /** The commands as typed, without settings, sizes and tags: `lvcreate pool-0/a`, `fullreport`. */
  readonly said: string[];
  readonly volumes: Map<string, FakeVolume>;
}

export interface FakeGroup {
  readonly name: string;
  readonly uuid: string;
  readonly device: string;
  readonly sizeBytes: number;
}

/**
 * `before` is told of each command before it runs, and may throw in its place. Selections by the group's UUID and by
 * that of a volume hold as with lvm2.
 */
export function createFakeLvm(group: FakeGroup, before: (command: string) => void = () => {}): FakeLvm {
  const volumes = new Map<string, FakeVolume>();
  const said: string[] = [];
  let changes = 0;

  const isSelected = (selection: string | undefined, { uuid }: FakeVolume): boolean =>
    (selection ?? '')
      .split(' && ')
      .every((part) => [`vg_uuid=${group.uuid}`, `lv_uuid=${uuid}`, 'lv_role!={origin}', ''].includes(part));

  const free = (): number => group.sizeBytes - [...volumes.values()].reduce((sum, { size }) => sum + size, 0);

  const create = (volume: FakeVolume): void => {
    if (volumes.has(volume.name)) throw exits(['lvm', 'lvcreate'], 5, `Logical Volume "${volume.name}" already exists`);
    if (volume.size > free()) throw exits(['lvm', 'lvcreate'], 5, 'insufficient free space');
    volumes.set(volume.name, volume);
  };

  /** Gives what lvm says. */
  const change = (verb: string, words: readonly string[]): string => {
    const option = (name: string): string | undefined =>
      words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
    const size = Math.ceil(Number.parseInt(option('--size') ?? '0', 10) / EXTENT) * EXTENT;
    changes += 1;
    if (verb === 'lvcreate') {
      const tags = words.filter((_, at) => words[at - 1] === '--addtag');
      create({ name: option('--name') ?? '', uuid: `lv-${changes}`, size, tags });
      return '';
    }
    const targets = words.slice(words.indexOf('--') + 1).map((target) => target.replace(`${group.name}/`, ''));
    let said = '';
    for (const name of targets) {
      const found = volumes.get(name);
      if (!found) throw exits(['lvm', verb], 5, `Failed to find logical volume "${group.name}/${name}"`);
      if (!isSelected(option('--select'), found)) continue;
      if (verb === 'lvremove' && volumes.delete(name)) said += `  Logical volume "${name}" successfully removed.\n`;
      if (verb === 'lvextend') volumes.set(name, { ...found, size });
      if (option('--deltag') === UNFINISHED_TAG)
        volumes.set(name, { ...found, tags: found.tags.filter((tag) => tag !== UNFINISHED_TAG) });
    }
    return said;
  };

  const fake = createFakeRun(([, verb = '', , , ...words]) => {
    const name = words.includes('--name') ? `/${words[words.indexOf('--name') + 1]}` : '';
    const command = verb === 'fullreport' ? verb : `${verb} ${words.slice(words.indexOf('--') + 1).join(' ')}${name}`;
    said.push(command);
    before(command);
    if (verb === 'fullreport') return reportOf(group, [...volumes.values()], free(), changes);
    return change(verb, words);
  });
  return { ...fake, said, volumes };
}

const reportOf = (group: FakeGroup, volumes: readonly FakeVolume[], free: number, changes: number): string => {
  const vg = {
    ...{ vg_name: group.name, vg_uuid: group.uuid, vg_size: String(group.sizeBytes), vg_free: String(free) },
    ...{ vg_extent_size: String(EXTENT), vg_seqno: String(1 + changes) },
  };
  const pv = {
    ...{ pv_name: group.device, pv_uuid: `pv-${group.uuid}`, pv_size: vg.vg_size, pv_free: vg.vg_free },
    vg_name: group.name,
  };
  const lv = volumes.map(({ name, uuid, size, tags }) => ({
    ...{ lv_name: name, lv_uuid: uuid, lv_size: String(size), lv_tags: tags.join(','), lv_active: 'active' },
  }));
  const pvseg = volumes.map(({ name, size }) => ({
    ...{ pv_uuid: pv.pv_uuid, pvseg_size: String(size / EXTENT), lv_name: name, lv_parent: '' },
  }));
  return JSON.stringify({ report: [{ vg: [vg], pv: [pv], lv, pvseg, seg: [] }] });
};
