import { hostname } from 'node:os';
import { background } from '../daemon/background.ts';
import type { Endpoint } from '../daemon/endpoint.ts';
import type { Component } from '../daemon/lifecycle.ts';
import type { ExtenderOptions } from '../extender/server.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Log } from '../model/log.ts';
import { createCertificatesComponent } from './serving/certificates-component.ts';
import type { CertificatesOptions } from './serving/keep-certificates.ts';
import type { OperatorConfig } from './config.ts';
import { createExtenderComponent } from './scheduling/extender-component.ts';
import { leadServiceHere, type ServingAddress } from './serving/serving-address.ts';

export interface ExtenderPartsDeps extends Pick<
  ExtenderOptions,
  'scheduling' | 'decodePod' | 'onCall' | 'onCertificates' | 'tracer'
> {
  readonly client: KubeClient;
  readonly notReady: () => string | undefined;
  readonly log: Log;
}

/** The extender, before it the certificates that it needs, and after it the way that leads there. */
export function extenderParts(config: OperatorConfig, listen: Endpoint, deps: ExtenderPartsDeps): Component[] {
  const { client, notReady, log, ...calls } = deps;
  const { waitMs, extenderTlsDir: dir, extenderAllowedClients: allowedClients } = config;
  const certificates = certificatesOf(config);
  const address = servingAddress(config, listen);
  return [
    ...(certificates ? [createCertificatesComponent(certificates, { client, log, date: () => new Date() })] : []),
    createExtenderComponent(listen, {
      ...{ ...calls, waitMs, log, allowedClients },
      ...(dir === undefined ? {} : { tls: { dir } }),
    }),
    ...(address
      ? [background('serving address', (signal) => leadServiceHere(address, { client, notReady, log }, signal))]
      : []),
  ];
}

/** What kube-scheduler is called by kubeadm and most others. */
const SCHEDULER = 'system:kube-scheduler';

function certificatesOf(config: OperatorConfig): CertificatesOptions | undefined {
  const { namespace, extenderTlsSecret: secret, extenderTlsDir: directory, extenderService: service } = config;
  if (secret === undefined || directory === undefined) return undefined;
  return { namespace, secret, service, directory, client: config.extenderAllowedClients[0] ?? SCHEDULER };
}

/** Where pods reach the extender; undefined when it is no pod's, or listens on a socket. */
function servingAddress(config: OperatorConfig, listen: Endpoint): ServingAddress | undefined {
  const { podIp, extenderService: service, namespace, identity: pod = hostname() } = config;
  if (podIp === undefined || listen.kind !== 'tcp') return undefined;
  return { namespace, service, ip: podIp, port: listen.port, portName: 'extender', pod };
}

/** What leads the page's Service here; nothing where it has none. The page itself is there from the start. */
export function pageParts(
  { podIp: ip, pageListen: listen, pageService: service, namespace, identity: pod = hostname() }: OperatorConfig,
  deps: Pick<ExtenderPartsDeps, 'client' | 'notReady' | 'log'>,
): Component[] {
  if (ip === undefined || service === undefined || listen?.kind !== 'tcp') return [];
  const address = { namespace, service, ip, port: listen.port, portName: 'page', pod };
  return [background('page address', (signal) => leadServiceHere(address, deps, signal))];
}
