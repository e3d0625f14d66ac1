import { X509Certificate } from 'node:crypto';
import { serverNames, textAt } from '../../operator/serving/keep-certificates.ts';
import type { Facts, Scheduler } from '../model/facts.ts';

/** One entry of `extenders` in a KubeSchedulerConfiguration. */
export interface ExtenderEntry {
  readonly urlPrefix?: string;
  readonly filterVerb?: string;
  readonly bindVerb?: string;
  readonly managedResources?: readonly { readonly name?: string }[];
  readonly tlsConfig?: { readonly caData?: string; readonly certData?: string };
}

/** Whether it is meant for our extender: by its host, or by its path and port where the host is what is wrong. */
export function isMeant({ urlPrefix = '' }: ExtenderEntry, facts: Facts): boolean {
  const url = URL.parse(urlPrefix);
  if (!url) return urlPrefix.includes(facts.settings.service);
  const isOurPath = url.port === String(portOf(facts)) && url.pathname.startsWith('/scheduler');
  return isOurPath || [...namesOf(facts), addressOf(facts)].includes(hostOf(url));
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');
const namesOf = ({ namespace, settings: { service } }: Facts): string[] => serverNames({ namespace, service });
const addressOf = ({ service }: Facts): string => service?.spec?.clusterIP ?? '';
const portOf = ({ service }: Facts): number =>
  service?.spec?.ports?.find(({ name }) => name === 'extender')?.port ?? 23_000;

/** What is wrong with an entry that is meant for our extender: clauses. */
export function problemsOf(entry: ExtenderEntry, scheduler: Scheduler, facts: Facts): string[] {
  const { urlPrefix = '', filterVerb, bindVerb } = entry;
  const url = URL.parse(urlPrefix);
  if (!url) return [`its urlPrefix "${urlPrefix}" is no URL`];
  return [
    ...hostProblems(hostOf(url), scheduler, facts),
    ...(filterVerb ? [] : ['it has no filterVerb']),
    ...(bindVerb ? [] : ['it has no bindVerb, so room is held longer than it must be']),
    ...(facts.settings.tls ? tlsProblems(url, entry, facts) : []),
  ];
}

function hostProblems(host: string, { hostNetwork, dnsPolicy }: Scheduler, facts: Facts): string[] {
  if (host === addressOf(facts)) return [];
  if (!namesOf(facts).includes(host)) return [`it calls ${host}, and the Service is at ${addressOf(facts)}`];
  if (!hostNetwork || dnsPolicy === 'ClusterFirstWithHostNet') return [];
  return [`it calls ${host}: on the host's network with dnsPolicy ${dnsPolicy} the name of a Service is not resolved`];
}

function tlsProblems(url: URL, { tlsConfig = {} }: ExtenderEntry, { certificates, now }: Facts): string[] {
  if (url.protocol !== 'https:') return ['it speaks HTTP, and the extender HTTPS'];
  const { caData, certData } = tlsConfig;
  const ca = textAt(certificates?.authority ?? { metadata: {} }, 'tls.crt');
  const isOther = ca !== '' && caData !== undefined && decoded(caData) !== ca.trim();
  const ends = certData === undefined ? Number.POSITIVE_INFINITY : endOf(decoded(certData));
  return [
    ...(isOther ? ['it trusts another authority than the one that signs the extender’s certificate now'] : []),
    ...(ends === undefined ? ['its client certificate cannot be read'] : []),
    ...(ends !== undefined && ends <= now ? [`its client certificate ended on ${new Date(ends).toISOString()}`] : []),
  ];
}

const decoded = (text: string): string => Buffer.from(text, 'base64').toString().trim();

/** Ms since 1970; undefined for what is no certificate. */
export function endOf(pem: string): number | undefined {
  try {
    return new X509Certificate(pem).validToDate.getTime();
  } catch {
    return undefined;
  }
}
