import { sha256 } from './sha256.ts';
import { NODE_LABEL, NOT_IN_BACKUPS } from './well-known.ts';

/** Kubernetes allows a label's value so many characters, and a node's name 253. */
const MAX_LABEL_CHARS = 63;

/** The value of our label for a node: its name, or where that is too long for a label a hash of it. */
export const nodeLabelOf = (nodeName: string): string =>
  nodeName.length <= MAX_LABEL_CHARS ? nodeName : sha256(nodeName).slice(0, MAX_LABEL_CHARS);

/** The labels of a LocalVolume of that node. */
export const volumeLabels = (nodeName: string): Readonly<Record<string, string>> => ({
  [NODE_LABEL]: nodeLabelOf(nodeName),
  [NOT_IN_BACKUPS]: 'true',
});
