import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';

/**
 * The other names of block devices, which udev and device-mapper keep as links in `<dev>/disk/by-…` and `<dev>/mapper`:
 * for each path of a device the links that lead to it, sorted.
 */
export async function readLinks(dev: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const byKind = (await names(path.join(dev, 'disk'))).map((folder) => path.join(dev, 'disk', folder));
  const found = await Promise.all([...byKind, path.join(dev, 'mapper')].map(linksIn));
  const sorted = found.flat().toSorted((a, b) => (a.link < b.link ? -1 : 1));
  const byTarget = Map.groupBy(sorted, ({ target }) => target);
  return new Map([...byTarget].map(([target, links]) => [target, links.map(({ link }) => link)]));
}

async function linksIn(folder: string): Promise<readonly { readonly link: string; readonly target: string }[]> {
  const links = (await names(folder)).map(async (name) => {
    const link = path.join(folder, name);
    const target = await readlink(link).catch(() => undefined); // a plain file such as mapper/control, or gone
    return target === undefined ? [] : [{ link, target: path.resolve(folder, target) }];
  });
  return (await Promise.all(links)).flat();
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
