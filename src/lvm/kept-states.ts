import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { OUR_TAG, UNFINISHED_TAG } from './names.ts';
import type { LvmGroup } from './report.ts';

/** What a group was like after a change, as LVM keeps it in a file (vgcfgbackup(8)). */
export interface KeptState {
  readonly file: string;
  /** Of the group. */
  readonly uuid: string;
  readonly seqno: number;
  /** Our volumes that are finished: names by UUID. */
  readonly volumes: ReadonlyMap<string, string>;
  /** UUIDs of all volumes. */
  readonly all: ReadonlySet<string>;
}

/** Reads the states that are kept in a folder, each file again only when it was written anew. */
export function createKeptStates(folder: string): () => Promise<readonly KeptState[]> {
  let known = new Map<string, { readonly written: string; readonly state: KeptState | undefined }>();
  return async () => {
    const files = (await readdir(folder).catch(() => [])).map((name) => path.join(folder, name));
    const read = await Promise.all(
      files.map(async (file) => {
        const written = await stat(file).then(
          ({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`,
          () => '',
        );
        const before = known.get(file);
        if (before?.written === written) return [file, before] as const;
        const text = await readFile(file, 'utf8').catch(() => '');
        return [file, { written, state: parseState(file, text) }] as const;
      }),
    );
    known = new Map(read);
    return read.flatMap(([, { state }]) => state ?? []);
  };
}

/** Pure; undefined for a text that is none. */
export function parseState(file: string, text: string): KeptState | undefined {
  const uuid = /^\tid = "([^"]+)"/m.exec(text)?.[1];
  const seqno = /^\tseqno = (\d+)/m.exec(text)?.[1];
  const [, volumes = ''] = text.split(/^\tlogical_volumes \{$/m);
  if (uuid === undefined || seqno === undefined) return undefined;
  const found = volumes.split(/^\t\t\}$/m).flatMap((block) => {
    const [, name, own] = /^\t\t(\S+) \{\n\t\t\tid = "([^"]+)"/m.exec(block) ?? [];
    const tags: readonly string[] = /^\t\t\ttags = \[(.*)\]/m.exec(block)?.[1]?.match(/[^\s",]+/g) ?? [];
    const isOurs = tags.includes(OUR_TAG) && !tags.includes(UNFINISHED_TAG);
    return name === undefined || own === undefined ? [] : [{ name, own, isOurs }];
  });
  const ours = found.flatMap(({ name, own, isOurs }) => (isOurs ? [[own, name] as const] : []));
  const all = new Set(found.map(({ own }) => own));
  return { file, uuid, seqno: Number(seqno), volumes: new Map(ours), all };
}

/**
 * What a group had at a change that it does not know of any more, or not of that one: its metadata was written over
 * with an older state. Each removal would be a later change. Where disks are away, an older state may be all that the
 * others have. `kept` is to be read before the group is.
 */
export function lostIn(group: LvmGroup, kept: readonly KeptState[]): LvmGroup['lost'] {
  const state = kept.find(({ uuid }) => uuid === group.uuid);
  if (!state || group.seqno > state.seqno || hasOtherSides(group)) return undefined;
  const names = missingOf(group, state);
  const newer = group.volumes.flatMap(({ uuid, name }) => (state.all.has(uuid) ? [] : [name]));
  return names.length === 0 ? undefined : { names, file: state.file, newer };
}

/**
 * Whether the state of a group is to be kept, since other programs have changed it: not one that lacks what the kept
 * one has.
 */
export function isToBeKept(group: LvmGroup, all: readonly LvmGroup[], kept: readonly KeptState[]): boolean {
  const isAlone = all.filter(({ name }) => name === group.name).length === 1;
  if (!isAlone || hasOtherSides(group)) return false;
  const state = kept.find(({ uuid }) => uuid === group.uuid);
  return !state || (group.seqno > state.seqno && missingOf(group, state).length === 0);
}

/** Whether more than this machine's own changes tell of what a group has. */
const hasOtherSides = ({ foreign, exported, partial, shared }: LvmGroup): boolean =>
  foreign || exported || partial || shared === true;

const missingOf = ({ volumes }: Pick<LvmGroup, 'volumes'>, state: KeptState): readonly string[] => {
  const there = new Set(volumes.map(({ uuid }) => uuid));
  return [...state.volumes].flatMap(([uuid, name]) => (there.has(uuid) ? [] : [name]));
};
