import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { Fault, textOf } from '../../model/fault.ts';
import type { Identity } from './access.ts';
import type { KubeconfigChoice, Source } from './kubeconfig-choice.ts';

/**
 * Throws Fault `invalid` that names the field of a certificate or key that does not parse, or of a key that is another
 * certificate's. TLS itself would find these mistakes only at the first call, without the field's name, and would take
 * an unreadable authority for none.
 */
export function checkTls(sources: Pick<KubeconfigChoice, 'ca' | 'cert' | 'key'>, { ca, cert, key }: Identity): void {
  parse(sources.ca, ca, 'a certificate', (text) => new X509Certificate(text));
  const certificate = parse(sources.cert, cert, 'a certificate', (text) => new X509Certificate(text));
  const privateKey = parse<KeyObject>(sources.key, key, 'a private key', createPrivateKey);
  if (certificate && privateKey && !certificate.checkPrivateKey(privateKey)) {
    throw new Fault('invalid', `${sources.key?.field}: is not the key of the certificate in ${sources.cert?.field}`);
  }
}

/** Whether the certificate and the key parse and belong together. */
export function areOnePair({ cert = '', key = '' }: Identity): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function parse<T>(
  source: Source | undefined,
  text: string | undefined,
  what: string,
  parser: (text: string) => T,
): T | undefined {
  if (!source || text === undefined) return undefined;
  try {
    return parser(text);
  } catch (error) {
    throw new Fault('invalid', `${source.field}: is not ${what}: ${textOf(error)}`, { cause: error });
  }
}
