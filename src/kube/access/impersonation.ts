import type { FieldReader } from './kubeconfig-fields.ts';

const GROUPS = 'as-groups';
const UID = 'as-uid';
const EXTRA = 'as-user-extra';

/**
 * The headers of a kubeconfig user that acts as somebody else: `as`, `as-groups`, `as-uid` and `as-user-extra`; none
 * when it acts as itself. Throws Fault `invalid` for groups, uid or extra without `as`, as client-go does.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 */
export function impersonation(user: FieldReader): Readonly<Record<string, string | readonly string[]>> {
  const name = user.text('as');
  const uid = user.text(UID);
  const groups = user.texts(GROUPS);
  const extra = user.pairs(EXTRA).map(([key, values]) => [key, textsOf(user, values)] as const);
  if (name === undefined) {
    const stray = [uid !== undefined && UID, groups.length > 0 && GROUPS, extra.length > 0 && EXTRA].find(Boolean);
    return stray ? user.fail(stray, 'is nothing without as: name the user to act as') : {};
  }
  return {
    'Impersonate-User': inUtf8(name),
    ...(uid !== undefined && { 'Impersonate-Uid': inUtf8(uid) }),
    ...(groups.length > 0 && { 'Impersonate-Group': groups.map(inUtf8) }),
    ...Object.fromEntries(extra.map(([key, values]) => [`Impersonate-Extra-${escaped(key)}`, values.map(inUtf8)])),
  };
}

const textsOf = (user: FieldReader, values: unknown): readonly string[] =>
  Array.isArray(values) && values.every((value) => typeof value === 'string')
    ? values
    : user.fail(EXTRA, 'must give a list of strings for each key');

/** Node writes a header's characters as bytes: these are the bytes of UTF-8, which the API server reads. */
const inUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** A header's name has few characters; the API server decodes the others from %XX, and so `%` too. */
const escaped = (key: string): string =>
  inUtf8(key).replace(
    /[^!#$&'*+.^_`|~0-9A-Za-z-]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
