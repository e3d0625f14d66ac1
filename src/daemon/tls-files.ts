import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Log } from '../model/log.ts';
import { Fault, textOf } from '../model/fault.ts';
import { watchFolder } from './watch-folder.ts';

/** What a Secret of type kubernetes.io/tls with a CA holds, PEM. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Signs the clients' certificates. */
  readonly ca: Buffer;
}

const NAMES = { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' } as const;

/** Files come one after another; a moment later they are a set. */
const SETTLE_MS = 100;
/** A watch can end unseen, for one when the directory itself is replaced. */
const LOOK_EVERY_MS = 30_000;

/**
 * Reads the three files of a directory. Throws Fault `invalid` that names the file, or says that they do not belong
 * together.
 */
export function readTlsFiles(dir: string): TlsFiles {
  const read = (name: string): Buffer => {
    const file = path.join(dir, name);
    try {
      return readFileSync(file);
    } catch (error) {
      throw new Fault('invalid', `cannot read ${file}: ${textOf(error)}`, { cause: error });
    }
  };
  const files = { cert: read(NAMES.cert), key: read(NAMES.key), ca: read(NAMES.ca) };
  try {
    createSecureContext(files);
  } catch (error) {
    const names = Object.values(NAMES).join(', ');
    throw new Fault('invalid', `${names} in ${dir} do not make a TLS server: ${textOf(error)}`, { cause: error });
  }
  return files;
}

/**
 * Calls `onChange` with every new set of files that is whole; the caller goes on with the last one until then. Returns
 * how to stop. A mounted Secret is changed by a rename within the directory (`..data`), other tools rewrite the files.
 */
export function watchTlsFiles(
  dir: string,
  {
    current,
    onChange,
    log,
  }: { readonly current: TlsFiles; readonly onChange: (files: TlsFiles) => void; readonly log: Log },
): () => void {
  let last = current;
  const look = (): void => {
    try {
      const files = readTlsFiles(dir);
      if (same(files, last)) return;
      onChange(files);
      last = files;
      log.info({ method: 'tls' }, 'certificate reloaded');
    } catch (error) {
      log.warn({ method: 'tls', err: textOf(error) }, 'certificate not reloaded; the last good one stays');
    }
  };
  let settling: NodeJS.Timeout | undefined;
  const ending = new AbortController();
  const changed = (): void => {
    clearTimeout(settling);
    settling = setTimeout(look, SETTLE_MS).unref();
  };
  watchFolder(dir, changed, ending.signal);
  const looking = setInterval(look, LOOK_EVERY_MS).unref();
  return () => {
    ending.abort();
    clearTimeout(settling);
    clearInterval(looking);
  };
}

const same = (a: TlsFiles, b: TlsFiles): boolean => a.cert.equals(b.cert) && a.key.equals(b.key) && a.ca.equals(b.ca);
