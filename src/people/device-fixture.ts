import { GIB } from '../model/bytes.ts';
import type { NlsDevice } from '../model/objects.ts';

/** A disk as an agent reports it: free, and in order. */
export const sampleDevice = (name: string, more: Partial<NlsDevice> = {}): NlsDevice => ({
  ...{ name, total: GIB, readOnly: false, condition: 'DiskReady' },
  ...more,
});
