import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Mapping } from './crypt.ts';
import { luksUuidIn } from './names.ts';

/**
 * The device-mapper device of a name, from sysfs: what /dev shows may be behind, and in a container be something else.
 * Undefined when there is none.
 */
export async function findMapping(sys: string, name: string, signal: AbortSignal): Promise<Mapping | undefined> {
  const block = path.join(sys, 'block');
  for (const kernelName of await children(block)) {
    if (!kernelName.startsWith('dm-')) continue;
    const folder = path.join(block, kernelName);
    if ((await attribute(path.join(folder, 'dm/name'), signal)) !== name) continue;
    const mapperUuid = (await attribute(path.join(folder, 'dm/uuid'), signal)) ?? '';
    const slaves = await children(path.join(folder, 'slaves'));
    const below = await Promise.all(
      slaves.map((slave) => attribute(path.join(folder, 'slaves', slave, 'dev'), signal)),
    );
    return {
      path: `/dev/mapper/${name}`,
      number: (await attribute(path.join(folder, 'dev'), signal)) ?? '',
      luksUuid: luksUuidIn(mapperUuid),
      below: below.filter((number) => number !== undefined),
      holders: await children(path.join(folder, 'holders')),
    };
  }
  return undefined;
}

const children = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** Undefined when it is not there (any more). */
async function attribute(file: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await readFile(file, { encoding: 'utf8', signal })).trim();
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
