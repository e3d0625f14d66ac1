import { Fault } from './fault.ts';
import { PARAM_FS_TYPE } from './well-known.ts';

/** Of the parameters that csi-provisioner takes out of a StorageClass. */
const PREFIX = 'csi.storage.k8s.io/';
/** Of the name or the namespace of a Secret, whichever calls get it: later versions know more of them. */
const SECRET = /^((?:[a-z]+-)*secret)-(name|namespace)$/;
/** What csi-provisioner puts into the namespace and into the name of a Secret. */
const TOKENS = {
  namespace: /^(pv\.name|pvc\.namespace)$/,
  name: /^(pv\.name|pvc\.(namespace|name|annotations\['.*'\]))$/,
};

/**
 * Throws Fault `invalid` for parameters of a StorageClass for which csi-provisioner refuses every claim, before
 * CreateVolume: keys under its prefix that it does not know, and Secrets that are named by halves, or by what it cannot
 * put in (removePrefixedParameters and getSecretReference in pkg/controller/controller.go of external-provisioner).
 */
export function checkReserved(parameters: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(parameters)) {
    if (!key.startsWith(PREFIX) || key === PARAM_FS_TYPE) continue;
    const [, secret = '', half = ''] = SECRET.exec(key.slice(PREFIX.length)) ?? [];
    if (secret === '') throw refused(`it does not know ${key}; ${PARAM_FS_TYPE} is the filesystem, in small letters`);
    const other = `${PREFIX}${secret}-${half === 'name' ? 'namespace' : 'name'}`;
    if (!value || !parameters[other]) throw refused(`${key} and ${other} go together, and neither is empty`);
    const strange = [...value.matchAll(/\$\{([^}]*)\}/g)].find(([, token = '']) => !TOKENS[half as 'name'].test(token));
    if (strange) throw refused(`it puts nothing in for ${strange[0]} in ${key}`);
  }
}

const refused = (why: string): Fault =>
  new Fault('invalid', `csi-provisioner refuses every claim of the class: ${why}`);
