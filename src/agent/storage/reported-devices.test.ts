import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Probe } from '../../disk/disks.ts';
import { sampleDisk, sampleObservation } from '../storage-fixture.ts';
import { reportedDevices } from './reported-devices.ts';

const never = new AbortController().signal;

test('of many offered disks a few are looked into at once, and all are', async () => {
  const devices = Array.from({ length: 100 }, (_, at) => sampleDisk(`sd${at}`, { serial: `s${at}` }));
  let [running, most] = [0, 0];
  const probe = async (): Promise<Probe> => {
    running += 1;
    most = Math.max(most, running);
    await setImmediate();
    running -= 1;
    return { busy: false, signatures: [] };
  };
  const input = { pattern: /^sd/, isManaged: () => true, ownerOf: () => undefined, disks: { probe } };
  const found = await reportedDevices({ observation: sampleObservation({ devices }), ...input }, never);
  expect(found.map(({ device, inUse }) => [device.name, inUse])).toEqual(devices.map(({ name }) => [name, undefined]));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(8);
});
