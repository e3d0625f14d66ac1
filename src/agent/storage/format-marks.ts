import type { NodeLocalStorage } from '../../model/objects.ts';
import { FORMATTING } from '../../model/well-known.ts';
import type { KubeClient } from '../../kube/client.ts';
import { NODE_LOCAL_STORAGES } from '../../kube/resource.ts';
import { formatFilesystem, parseFilesystem, type NewFilesystem } from '../../mount/filesystem.ts';

/** A mount point's disk that is being formatted. */
export interface FormatMark {
  readonly filesystem: NewFilesystem;
  /** Which disk: what it tells of itself, or the boot since which its name leads to it. */
  readonly disk: string;
}

/**
 * What is recorded of disks that are being formatted for mount points, by the mount point's path: a mark is made before
 * mkfs and taken off after it, and before the first mount.
 */
export interface FormatMarks {
  /** As it was heard of last; it may be behind. */
  heard(path: string): FormatMark | undefined;
  /** As it is recorded now. */
  read(path: string, signal: AbortSignal): Promise<FormatMark | undefined>;
  begin(path: string, mark: FormatMark, signal: AbortSignal): Promise<void>;
  done(path: string, signal: AbortSignal): Promise<void>;
}

export interface FormatMarksOptions {
  readonly client: Pick<KubeClient, 'get' | 'patch'>;
  readonly nodeName: string;
  readonly heard: () => NodeLocalStorage | undefined;
  /** Given the object as the API server answered with it. */
  readonly wrote: (nls: NodeLocalStorage) => void;
}

/** In an annotation of the node's NodeLocalStorage, as JSON; nobody else writes it. */
export function createFormatMarks({ client, nodeName: name, heard, wrote }: FormatMarksOptions): FormatMarks {
  const change = async (path: string, mark: FormatMark | undefined, signal: AbortSignal): Promise<void> => {
    const { [path]: _, ...others } = parse(await client.get(NODE_LOCAL_STORAGES, { name }, signal));
    const marks = { ...others, ...(mark ? { [path]: formatMark(mark) } : {}) };
    const value = Object.keys(marks).length === 0 ? null : JSON.stringify(marks);
    const body = { metadata: { annotations: { [FORMATTING]: value } } };
    wrote(await client.patch(NODE_LOCAL_STORAGES, { name }, { type: 'merge', body }, signal));
  };
  return {
    heard: (path) => parseMark(parse(heard())[path]),
    read: async (path, signal) => parseMark(parse(await client.get(NODE_LOCAL_STORAGES, { name }, signal))[path]),
    begin: change,
    done: (path, signal) => change(path, undefined, signal),
  };
}

/** Text that is not ours counts as none: then nothing is formatted anew. */
function parse(nls: NodeLocalStorage | undefined): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = JSON.parse(nls?.metadata.annotations?.[FORMATTING] ?? '{}');
    return typeof found === 'object' && found !== null ? { ...found } : {};
  } catch {
    return {};
  }
}

const formatMark = ({ filesystem, disk }: FormatMark): string => `${formatFilesystem(filesystem)} ${disk}`;

function parseMark(text: unknown): FormatMark | undefined {
  const [, begun, disk] = (typeof text === 'string' && /^(\S+ \S+) (.+)$/.exec(text)) || [];
  const filesystem = parseFilesystem(begun);
  return filesystem && disk !== undefined ? { filesystem, disk } : undefined;
}
