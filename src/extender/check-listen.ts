import { formatEndpoint, isReachable, type Endpoint } from '../daemon/endpoint.ts';
import { Fault } from '../model/fault.ts';

/**
 * Whoever reaches the extender can bind any pod anywhere, so without TLS it listens where only this machine reaches it,
 * unless the administrator says otherwise. Throws Fault `invalid` that says what to do.
 */
export function checkListen({
  endpoint,
  tls,
  allowPlaintext,
}: {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  readonly allowPlaintext: boolean;
}): void {
  if (tls || allowPlaintext || !isReachable(endpoint)) return;
  throw new Fault(
    'invalid',
    `the extender may not listen on ${formatEndpoint(endpoint)} without TLS: ` +
      'give --extender-tls-dir, listen on 127.0.0.1, or allow it with --extender-allow-plaintext',
  );
}
