import { expect, test } from 'vitest';
import { sampleLocalVolume } from '../storage-fixture.ts';
import { notingReleases } from './noting-releases.ts';
import type { VolumeWriter } from './write-volume.ts';

const never = new AbortController().signal;
const volume = sampleLocalVolume({ meta: { uid: 'u1' } });
const other = sampleLocalVolume({ meta: { uid: 'u2' } });
const withRelease = (release: () => Promise<void>) => notingReleases({ release } as unknown as VolumeWriter);

test('an object that was released is known to have gone by that, once, and no other of its name', async () => {
  const { write, wasReleased } = withRelease(async () => {});
  expect(wasReleased(volume)).toBe(false);
  await write.release(volume, never);
  expect([wasReleased(other), wasReleased(volume), wasReleased(volume)]).toEqual([false, true, false]);
});

test('that it is gone may be heard before the release is answered', async () => {
  const answer = Promise.withResolvers<void>();
  const { write, wasReleased } = withRelease(() => answer.promise);
  const released = write.release(volume, never);
  expect(wasReleased(volume)).toBe(true);
  answer.resolve();
  await released;
});

test('a release that failed is none', async () => {
  const { write, wasReleased } = withRelease(() => Promise.reject(new Error('refused')));
  await expect(write.release(volume, never)).rejects.toThrow('refused');
  expect(wasReleased(volume)).toBe(false);
});
