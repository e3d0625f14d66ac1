import { randomInt } from 'node:crypto';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Why `name` is no DNS subdomain (RFC 1123, as object names must be); empty when it is. */
export function nameProblem(name: string): string {
  if (name.length > 253) return 'must be no more than 253 bytes';
  if (SUBDOMAIN.test(name)) return '';
  return (
    'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, ' +
    `'-' or '.', and must start and end with an alphanumeric character (regex used for validation is '${SUBDOMAIN.source.slice(1, -1)}')`
  );
}

/** Why `name` is no DNS label, as namespaces must be; empty when it is. */
export function labelNameProblem(name: string): string {
  if (name.length > 63) return 'must be no more than 63 bytes';
  if (DNS_LABEL.test(name)) return '';
  return (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " +
    `and must start and end with an alphanumeric character (regex used for validation is '${DNS_LABEL.source.slice(1, -1)}')`
  );
}

/** Why `key` is no label or annotation key; empty when it is. */
export function keyProblem(key: string): string {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const [prefix] = parts;
  if (parts.length > 1 || (prefix !== undefined && nameProblem(prefix) !== ''))
    return 'prefix part must be a DNS subdomain';
  if (name.length > 63 || !QUALIFIED.test(name)) {
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  }
  return '';
}

/** Why `value` is no label value; empty when it is. */
export function labelValueProblem(value: string): string {
  if (value.length > 63) return 'must be no more than 63 bytes';
  if (value === '' || QUALIFIED.test(value)) return '';
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
}

/** No vowels and no look-alikes, as Kubernetes chooses them, so that no word comes out. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** `prefix` with five random characters, cut so that it stays a name. */
export function generateName(prefix: string): string {
  let suffix = '';
  for (let i = 0; i < 5; i += 1) suffix += ALPHABET[randomInt(ALPHABET.length)];
  return prefix.slice(0, 58) + suffix;
}
