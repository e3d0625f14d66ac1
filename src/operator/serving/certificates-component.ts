import { background } from '../../daemon/background.ts';
import type { Component } from '../../daemon/lifecycle.ts';
import { pause } from '../../wait/pause.ts';
import { ensureCertificates, type CertificatesDeps, type CertificatesOptions } from './keep-certificates.ts';

const RETRY_MS = 1000;
const LOOK_EVERY_MS = 3_600_000;

/** Starts once the server's files are there, and looks at all of it every hour. */
export function createCertificatesComponent(options: CertificatesOptions, deps: CertificatesDeps): Component {
  const { log } = deps;
  const ensure = async (signal: AbortSignal): Promise<boolean> => {
    try {
      await ensureCertificates(options, deps, signal);
      return true;
    } catch (err) {
      if (!signal.aborted) log.warn({ object: `Secret/${options.secret}`, err }, 'could not be kept');
      return false;
    }
  };
  const keeping = background('certificates', async (signal) => {
    while (!signal.aborted) {
      await pause(LOOK_EVERY_MS, signal);
      while (!signal.aborted && !(await ensure(signal))) await pause(RETRY_MS, signal);
    }
  });
  return {
    ...keeping,
    start: async (signal) => {
      while (!signal.aborted && !(await ensure(signal))) await pause(RETRY_MS, signal);
      await keeping.start(signal);
    },
  };
}
