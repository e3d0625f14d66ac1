import { optionalText } from '../daemon/flag-types.ts';
import { lookCommand } from './look.ts';
import { driversOf } from '../model/decode.ts';
import { readRoom } from '../people/room.ts';
import { asJson, asText, caveats, screenFor } from '../people/tell.ts';
import { tellVolumes } from '../people/tell-volumes.ts';
import { volumeRows } from '../people/volumes.ts';

const TEXT = {
  doc: 'Every volume: its claim, pod, node, group, size, limits, phase, progress and faults.',
  args: [],
  about:
    'A volume with which something is wrong has ! behind its phase. Below the table stands in full what is wrong, and what a volume waits for.',
  flags: {
    namespace: optionalText({ placeholder: 'NAME', short: 'n', doc: 'Only volumes of claims of this namespace.' }),
    node: optionalText({ placeholder: 'NAME', doc: 'Only volumes of this node.' }),
  },
};

/** `kubectl open-local volumes`. */
export const volumesCommand = lookCommand('volumes', TEXT, async ({ flags, output, screen, ...reading }) => {
  const { namespace, node } = flags;
  const room = await readRoom({ ...reading, everyPod: true });
  const all = volumeRows({ ...room, drivers: driversOf(room.settings.driver) });
  const volumes = all.filter(
    (row) =>
      (namespace === undefined || [row.claim ?? '', ...row.pods].some((each) => each.startsWith(`${namespace}/`))) &&
      (node === undefined || row.node === node),
  );
  if (output === 'json') return asJson({ volumes }, room);
  return asText([...tellVolumes(volumes, screenFor(output, screen)), ...caveats(room, screen)]);
});
