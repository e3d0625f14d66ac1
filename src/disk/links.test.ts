import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readLinks } from './links.ts';

test('links of udev and device-mapper are told with the device that they lead to', async () => {
  const dev = await mkdtemp(path.join(tmpdir(), 'links-'));
  onTestFinished(() => rm(dev, { recursive: true, force: true }));
  for (const folder of ['disk/by-id', 'disk/by-path', 'mapper'])
    await mkdir(path.join(dev, folder), { recursive: true });
  await symlink('../../sdb', path.join(dev, 'disk/by-path/pci-1'));
  await symlink('../../sdb', path.join(dev, 'disk/by-id/wwn-0x5'));
  await symlink('../dm-0', path.join(dev, 'mapper/mpatha'));
  await writeFile(path.join(dev, 'mapper/control'), '');
  expect(await readLinks(dev)).toEqual(
    new Map([
      [`${dev}/sdb`, [`${dev}/disk/by-id/wwn-0x5`, `${dev}/disk/by-path/pci-1`]],
      [`${dev}/dm-0`, [`${dev}/mapper/mpatha`]],
    ]),
  );
  expect(await readLinks(path.join(dev, 'nothing'))).toEqual(new Map());
});
