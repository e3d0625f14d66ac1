import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { nodeStorage } from '../../model/decode-node.ts';
import type { Log } from '../../model/log.ts';
import type { NodeLocalStorage } from '../../model/objects.ts';

/** Where open-local's driver remembers the devices of its inline volumes: JSON, device by volume id. */
const FILE = 'open-local-volumes.json';

/** The group in which the node's report shows a logical volume of this name; undefined when it shows none. */
export function groupReporting(name: string, nls: NodeLocalStorage | undefined): string | undefined {
  const groups = nls ? nodeStorage(nls).storage.groups : [];
  return groups.find(({ volumes }) => volumes.some((volume) => volume.name === name))?.name;
}

export interface OldInlineVolumesDeps {
  readonly kubeletDir: string;
  readonly nls: () => NodeLocalStorage | undefined;
  readonly log: Log;
}

/**
 * Returns what says in which group an inline volume is that open-local's driver had made, by the node's report or by
 * what that driver remembered; undefined when neither knows it. The file is read and never written. One that was cut
 * while it was written, which that driver could not start with, is logged and passed over.
 */
export function createOldInlineVolumes({
  kubeletDir,
  nls,
  log,
}: OldInlineVolumesDeps): (id: string) => Promise<string | undefined> {
  const file = path.join(kubeletDir, FILE);
  return async (id) => {
    const reported = groupReporting(id, nls());
    if (reported !== undefined) return reported;
    try {
      return groupIn(await readFile(file, 'utf8'), id);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      log.warn({ object: file, err: error }, 'what open-local remembered of inline volumes cannot be read');
      return undefined;
    }
  };
}

/** Only what leads to a logical volume of the same name is one. */
function groupIn(text: string, id: string): string | undefined {
  const devices = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
  const device = devices !== null && Object.hasOwn(devices, id) ? devices[id] : undefined;
  const [, group, name] = typeof device === 'string' ? (/^\/dev\/([^/]+)\/([^/]+)$/.exec(device) ?? []) : [];
  return name === id ? group : undefined;
}
