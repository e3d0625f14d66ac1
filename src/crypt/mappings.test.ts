import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findMapping } from './mappings.ts';
import { luksUuidOf, mappingNameOf } from './names.ts';

const never = new AbortController().signal;

/** A copy of /sys with an open LUKS volume over dm-0 and what stands on it. */
async function fakeSysfs() {
  const sys = await mkdtemp(path.join(tmpdir(), 'open-local-mappings-'));
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(path.dirname(path.join(sys, file)), { recursive: true });
    await writeFile(path.join(sys, file), `${text}\n`);
  };
  await write('block/dm-0/dm/name', 'pool--0-v1');
  await write('block/dm-0/dm/uuid', 'LVM-abc');
  await write('block/sda/size', '1');
  await write('block/dm-1/dm/name', mappingNameOf('v1'));
  await write('block/dm-1/dm/uuid', `CRYPT-LUKS2-${luksUuidOf('v1').replaceAll('-', '')}-${mappingNameOf('v1')}`);
  await write('block/dm-1/dev', '253:1');
  await write('block/dm-1/slaves/dm-0/dev', '253:0');
  await mkdir(path.join(sys, 'block/dm-1/holders/dm-2'), { recursive: true });
  return { sys, [Symbol.asyncDispose]: () => rm(sys, { recursive: true, force: true }) };
}

test('an open mapping is found with its header, what is below it and what stands on it', async () => {
  await using fake = await fakeSysfs();
  expect(await findMapping(fake.sys, mappingNameOf('v1'), never)).toEqual({
    path: `/dev/mapper/${mappingNameOf('v1')}`,
    number: '253:1',
    luksUuid: luksUuidOf('v1'),
    below: ['253:0'],
    holders: ['dm-2'],
  });
});

test('a device of another maker is found under its name, and is no LUKS volume', async () => {
  await using fake = await fakeSysfs();
  expect(await findMapping(fake.sys, 'pool--0-v1', never)).toMatchObject({ luksUuid: undefined, holders: [] });
  expect(await findMapping(fake.sys, mappingNameOf('v2'), never)).toBeUndefined();
});

test('who does not wait any more gets no answer, which would say that there is none', async () => {
  await using fake = await fakeSysfs();
  await expect(findMapping(fake.sys, 'none', AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
});
