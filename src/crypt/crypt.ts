/** A key as it is: every byte counts, a newline at the end too. */
export type Key = Uint8Array;

/** What a LUKS header tells without a key. */
export interface LuksHeader {
  readonly version: number;
  readonly uuid: string;
  /** Key slots that hold something; none once they were erased. */
  readonly slots: number;
  /** Bytes before the data. */
  readonly dataOffset: number;
}

/** A LUKS volume that is to be made. */
export interface NewLuks {
  readonly uuid: string;
  /** For people. */
  readonly label: string;
  readonly key: Key;
  /** Bytes that are encrypted as one, and so the smallest that can be read or written of the mapping. */
  readonly sectorSize: 512 | 4096;
}

/** An open device-mapper device. */
export interface Mapping {
  /** `/dev/mapper/<name>`. */
  readonly path: string;
  /** Its own `major:minor`. */
  readonly number: string;
  /** Of the LUKS header that it was opened by; undefined when it is something else than LUKS2. */
  readonly luksUuid: string | undefined;
  /** `major:minor` of what is directly below it. */
  readonly below: readonly string[];
  /** Kernel names of what stands on it. */
  readonly holders: readonly string[];
}

/**
 * Encryption of block devices. Every verb may be repeated after it was cut at any point, but for `format`; all throw
 * Fault. No key is in any message.
 */
export interface Crypt {
  /** Undefined when the device carries no LUKS header, or none that can be read. */
  header(device: string, signal: AbortSignal): Promise<LuksHeader | undefined>;
  /** Makes a LUKS2 volume. Destroys what is there. Cut, it leaves anything, or a header of that UUID. */
  format(device: string, wanted: NewLuks, signal: AbortSignal): Promise<void>;
  /** Whether the key opens the device; nothing is opened. */
  opens(device: string, key: Key, signal: AbortSignal): Promise<boolean>;
  /** Makes the mapping of that name; false when the key does not open the device. */
  open(
    wanted: { readonly device: string; readonly name: string; readonly key: Key },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** What is open under a name, whoever opened it. */
  mapping(name: string, signal: AbortSignal): Promise<Mapping | undefined>;
  /** Done when nothing is open under the name. Throws `unavailable` while it is in use. */
  close(name: string, signal: AbortSignal): Promise<void>;
  /** Makes an open mapping as large as its device; false when the key does not open it. */
  resize(name: string, key: Key, signal: AbortSignal): Promise<boolean>;
  /** Makes `added` open the device too. */
  addKey(device: string, keys: { readonly key: Key; readonly added: Key }, signal: AbortSignal): Promise<void>;
  /**
   * Destroys one slot that the key opens; false when it opens none. Destroys the last slot as well: look before that
   * another key opens the device.
   */
  removeKey(device: string, key: Key, signal: AbortSignal): Promise<boolean>;
  /** Gives the header another UUID, as for a copy. */
  identify(device: string, uuid: string, signal: AbortSignal): Promise<void>;
  /** Destroys every key slot, for good: nobody can open the device again. */
  erase(device: string, signal: AbortSignal): Promise<void>;
}
