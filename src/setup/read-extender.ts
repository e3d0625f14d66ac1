import type { KubeClient } from '../kube/client.ts';
import { find } from '../kube/find.ts';
import type { Resource } from '../kube/resource.ts';
import { Fault } from '../model/fault.ts';
import type { KubeObject } from '../model/objects.ts';
import { SECRETS, secretNames, textAt } from '../operator/serving/keep-certificates.ts';
import type { Extender } from './scheduler-config.ts';

interface Service extends KubeObject {
  readonly spec?: { readonly clusterIP?: string; readonly ports?: readonly { readonly name?: string; port: number }[] };
}

const SERVICES: Resource<Service> = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };

export interface Names {
  readonly namespace: string;
  readonly service: string;
  /** Of the server's certificate; the client's is called after it. */
  readonly secret: string;
}

/**
 * Reads how the extender of this cluster is reached. Throws Fault `precondition` that says what is missing, and what
 * the client throws.
 */
export async function readExtender(
  client: Pick<KubeClient, 'get'>,
  { namespace, service, secret }: Names,
  signal: AbortSignal,
): Promise<Extender> {
  const missing = (what: string): Fault =>
    new Fault(
      'precondition',
      `${what} is not there: install open-local in namespace ${namespace} first, or name another by a flag`,
    );
  const found = await find(client, SERVICES, { namespace, name: service }, signal);
  const port = found?.spec?.ports?.find(({ name }) => name === 'extender')?.port;
  if (!found || port === undefined) throw missing(`Service ${namespace}/${service} with a port named extender`);
  const { clusterIP = '' } = found.spec ?? {};
  if (clusterIP === '' || clusterIP === 'None')
    throw new Fault(
      'precondition',
      `Service ${namespace}/${service} has no address: a scheduler on the host's network cannot reach it; give it a clusterIP`,
    );
  const { client: name } = secretNames(secret);
  const pair = await find(client, SECRETS, { namespace, name }, signal);
  if (!pair)
    throw missing(`Secret ${namespace}/${name}, which the operator makes with --extender-tls-secret=${secret}`);
  return {
    ...{ namespace, service, port, clusterIp: clusterIP },
    ...{ ca: textAt(pair, 'ca.crt'), cert: textAt(pair, 'tls.crt'), key: textAt(pair, 'tls.key') },
  };
}
