import { bygone } from './flag-types.ts';

const LEVEL = 'how much is logged is --log-level';
const PLACE = 'the log goes to stderr';

/** Flags of klog, which Go programs of Kubernetes have. */
export const KLOG = {
  v: bygone(LEVEL),
  vmodule: bygone(LEVEL),
  stderrthreshold: bygone(LEVEL),
  logtostderr: bygone(PLACE, { toggle: true }),
  alsologtostderr: bygone(PLACE, { toggle: true }),
  'log-dir': bygone(PLACE),
  'log-file': bygone(PLACE),
};
