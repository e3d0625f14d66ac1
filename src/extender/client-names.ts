import type { X509Certificate } from 'node:crypto';

/** The kinds of alternative names that say who a client is; an address says where it is. */
const NAMING = new Set(['DNS', 'URI', 'email']);

/** The names a client's certificate carries: its common name and its alternative names. */
export function clientNames(certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>): string[] {
  return [...commonNames(certificate.subject), ...alternativeNames(certificate.subjectAltName ?? '')];
}

/** Node prints a subject with one `KEY=value` a line (X509_NAME_print_ex, multi-line, escaped). */
function commonNames(subject: string): string[] {
  return subject
    .split('\n')
    .filter((line) => line.startsWith('CN='))
    .map((line) => line.slice('CN='.length));
}

/** Node prints `DNS:a, URI:b`, and quotes a value that could be mistaken for several (CVE-2021-44532). */
function alternativeNames(printed: string): string[] {
  return [...printed.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)].flatMap(
    ([, kind = '', value = '']) => {
      if (!NAMING.has(kind)) return [];
      return [value.startsWith('"') ? String(JSON.parse(value)) : value];
    },
  );
}
