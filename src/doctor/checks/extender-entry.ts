import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { serverNames, textAt } from '../../operator/serving/keep-certificates.ts';
import type { Facts, Scheduler } from '../model/facts.ts';

/** One entry of `extenders` in a KubeSchedulerConfiguration. */
export interface ExtenderEntry {
  readonly urlPrefix?: string;
  readonly filterVerb?: string;
  readonly preemptVerb?: string;
  readonly bindVerb?: string;
  readonly ignorable?: boolean;
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
  const { urlPrefix = '', filterVerb, ignorable } = entry;
  const url = URL.parse(urlPrefix);
  if (!url) return [`its urlPrefix "${urlPrefix}" is no URL`];
  return [
    ...hostProblems(hostOf(url), scheduler, facts),
    ...(filterVerb ? [] : ['it has no filterVerb']),
    ...(bindsInVain(entry, facts) && !ignorable
      ? ['it has bindVerb and is not ignorable, and the operator may not bind: no pod gets its node']
      : []),
    ...(facts.settings.tls ? tlsProblems(url, entry, facts) : []),
  ];
}

/** Whether it calls for bindings, which the operator may not write. */
export const bindsInVain = ({ bindVerb }: ExtenderEntry, { mayBind }: Facts): boolean =>
  Boolean(bindVerb) && mayBind === false;

/** The extenders of ours that a KubeSchedulerConfiguration names. Throws for a text that is no YAML. */
export const oursIn = (config: string, facts: Facts): readonly ExtenderEntry[] =>
  ((parse(config) as { extenders?: ExtenderEntry[] } | null)?.extenders ?? []).filter((entry) => isMeant(entry, facts));

/** The same, and none for a text that is no YAML, which checkScheduler tells. */
export function entriesOf(config: Scheduler['config'], facts: Facts): readonly ExtenderEntry[] {
  try {
    return oursIn(config ?? '', facts);
  } catch {
    return [];
  }
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
