import { expect, test } from 'vitest';
import { bytes, GIB } from '../../model/bytes.ts';
import type { LocalVolume } from '../../model/local-volume.ts';
import { FakeVolumes } from './fake-volumes.ts';
import { untilGone, untilGrown, untilMade } from './wait-for-agent.ts';

const never = new AbortController().signal;
const asked: LocalVolume = {
  metadata: { name: 'v' },
  spec: { nodeName: 'n1', kind: 'LVM', vgName: 'g', sizeBytes: GIB, role: 'Volume' },
};

/** Volumes of which `v` has this status, and a wait of so many ms for what its agent says. */
function waiting(status: LocalVolume['status'] | 'gone', waitForAgentMs = 10_000) {
  const volumes = new FakeVolumes();
  if (status !== 'gone') volumes.objects.set('v', { ...asked, ...(status ? { status } : {}) });
  return { volumes, storage: { isSilent: () => false }, waitForAgentMs };
}

const over = (message: string) => ({ kind: 'aborted', message: expect.stringContaining(message) as string });

test('a volume without a size is not made, whatever its phase', async () => {
  const made = untilMade(asked, waiting({ phase: 'Ready', message: 'it is looked at' }, 10), never);
  await expect(made).rejects.toMatchObject(over('volume v: node n1 has not made it yet; it is looked at'));
});

test('a volume that is deleted while it grows is said to be gone', async () => {
  await expect(untilGrown(asked, { size: bytes(GIB) }, waiting('gone'), never)).rejects.toMatchObject({
    kind: 'not-found',
    message: 'volume v was deleted while it was growing',
  });
});

test('that an earlier growth found no room says nothing of this one, until the node says so again', async () => {
  const [size, full] = [bytes(2 * GIB), 'the group is full'];
  const before = { phase: 'Ready', sizeBytes: GIB, reason: 'NoSpace', message: full } as const;
  const short = untilGrown(asked, { size, before }, waiting(before, 10), never);
  await expect(short).rejects.toMatchObject(over(full));
  await expect(untilGrown(asked, { size }, waiting(before), never)).rejects.toMatchObject({ kind: 'exhausted' });

  const wait = waiting(before);
  const growing = untilGrown(asked, { size, before }, wait, never);
  const says = (status: LocalVolume['status']): void => {
    wait.volumes.objects.set('v', { ...asked, ...(status ? { status } : {}) });
    wait.volumes.changed();
  };
  says({ phase: 'Ready', sizeBytes: GIB });
  says(before);
  await expect(growing).rejects.toMatchObject({ kind: 'exhausted', message: expect.stringContaining(full) as string });
});

test('removal ends when the object is gone, and not before', async () => {
  await expect(untilGone(asked, waiting(undefined, 10), never)).rejects.toMatchObject(
    over('is the agent there running'),
  );
  await expect(untilGone(asked, waiting('gone'), never)).resolves.toBeUndefined();
});

test('what goes wrong while it is waited is told as it is', async () => {
  const volumes = { until: () => Promise.reject(new TypeError('a bug')) };
  await expect(untilGone(asked, { ...waiting(undefined), volumes }, never)).rejects.toThrow(TypeError);
});

test('a node whose agent is silent keeps no worker of a sidecar waiting', async () => {
  const wait = { ...waiting(undefined, 60_000), storage: { isSilent: (node: string) => node === 'n1' } };
  await expect(untilGone(asked, wait, never)).rejects.toMatchObject(
    over('volume v: node n1 has not removed it yet; its agent has stopped reporting'),
  );
});
