import { pairProblem, type Holder } from '../../certificates/certificates.ts';
import { secretNames, serverNames, textAt, type TlsSecret } from '../../operator/serving/keep-certificates.ts';
import { inWords } from '../../model/in-words.ts';
import type { Facts } from '../model/facts.ts';
import { found, type Finding } from '../model/finding.ts';
import type { FindingName } from '../model/findings.ts';
import { endOf } from './extender-entry.ts';
import { operatorLog, SCHEDULER_CONFIG } from '../model/mend.ts';

/** The certificates that the operator keeps, by the rules by which it renews them. */
export function checkCertificates(facts: Facts): readonly Finding[] {
  const { settings, certificates, namespace } = facts;
  if (settings.tlsSecret === undefined || !certificates) return [];
  const names = secretNames(settings.tlsSecret);
  const { authority, server, client } = certificates;
  const holder = (usage: Holder['usage'], commonName: string): Holder => ({
    ...{ commonName, usage, days: 1 },
    names: usage === 'server' ? serverNames({ namespace, service: settings.service }) : [],
  });
  return [
    ...judge(names.authority, authority, undefined, facts),
    ...judge(names.server, server, authority && { authority, holder: holder('server', settings.service) }, facts),
    ...judge(names.client, client, authority && { authority, holder: holder('client', settings.schedulerName) }, facts),
  ];
}

interface Signed {
  readonly authority: TlsSecret;
  readonly holder: Holder;
}

function judge(name: string, secret: TlsSecret | undefined, signed: Signed | undefined, facts: Facts): Finding[] {
  const { namespace, now } = facts;
  const object = `Secret/${namespace}/${name}`;
  if (!secret) return [found('CertificateMissing', object, 'It is not there.', operatorLog(facts))];
  const cert = textAt(secret, 'tls.crt');
  const ends = endOf(cert);
  const is = (finding: FindingName, what: string): Finding[] => [found(finding, object, what, ...mend(facts))];
  if (ends === undefined) return is('CertificateUnfit', 'It cannot be read.');
  if (ends <= now) return is('CertificateEnded', `It ended ${inWords(now - ends)} ago.`);
  if (!signed) return [];
  const problem = pairProblem(
    { cert, key: textAt(secret, 'tls.key') },
    { cert: textAt(signed.authority, 'tls.crt') },
    signed.holder,
    new Date(now),
  );
  if (problem === undefined) return [];
  return problem.startsWith('it ends on')
    ? is('CertificateEndsSoon', `It ends in ${inWords(ends - now)}, and two thirds of its time are over.`)
    : is('CertificateUnfit', `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`);
}

/** A restart makes the operator look at once; it makes anew what it finds bad. */
const mend = ({ namespace, operator }: Facts): string[] => [
  `kubectl -n ${namespace} rollout restart deployment/${operator?.metadata.name ?? 'open-local-operator'}   (it makes certificates anew that are bad)`,
  SCHEDULER_CONFIG,
];
