import { expect, test } from 'vitest';
import { createFakeRun } from '../exec/fake-run.ts';
import { createCommands } from './commands.ts';

const never = new AbortController().signal;
const group = {
  vg_name: 'pool-0',
  vg_uuid: 'u',
  vg_systemid: 'me',
  vg_size: '0',
  vg_free: '0',
  vg_extent_size: '1',
  vg_seqno: '1',
};
const report = JSON.stringify({ report: [{ vg: [group], pv: [], lv: [], pvseg: [], seg: [] }] });

test('a machine whose system ID was not told is asked again, and no group is called foreign meanwhile', async () => {
  const answers = ['', 'system ID: me\n'];
  const { run } = createFakeRun((argv) => (argv.includes('systemid') ? answers.shift() : report));
  const commands = createCommands({ run });
  await expect(commands.report(never)).rejects.toMatchObject({ kind: 'unavailable' });
  for (const _ of [1, 2]) expect((await commands.report(never)).groups).toMatchObject([{ foreign: false }]);
});
