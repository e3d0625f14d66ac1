import { sha256 } from './sha256.ts';

/** Kubernetes allows a label's value so many characters, and a node's name 253. */
const MAX_LABEL_CHARS = 63;

/** The value of our label for a node: its name, or where that is too long for a label a hash of it. */
export const nodeLabelOf = (nodeName: string): string =>
  nodeName.length <= MAX_LABEL_CHARS ? nodeName : sha256(nodeName).slice(0, MAX_LABEL_CHARS);
