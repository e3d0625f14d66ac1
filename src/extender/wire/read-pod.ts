import { Fault } from '../../model/fault.ts';
import type { Pod } from '../../model/objects.ts';
import type { PodFacts } from '../../model/facts.ts';
import type { PodReader } from './question.ts';

/**
 * The pod of a call. Throws Fault `invalid` for what cannot be one: the API server checked what kube-scheduler sends,
 * but not others.
 */
export function readPod(raw: unknown, { decodePod }: PodReader): PodFacts {
  if (raw === undefined || raw === null) throw new Fault('invalid', 'the body has no Pod');
  const pod = decode(raw, decodePod);
  for (const field of ['uid', 'namespace', 'name'] as const) {
    if (typeof pod[field] !== 'string' || pod[field] === '') throw new Fault('invalid', `Pod has no metadata.${field}`);
  }
  return pod;
}

function decode(raw: unknown, decodePod: PodReader['decodePod']): PodFacts {
  try {
    return decodePod(raw as Pod);
  } catch (error) {
    throw new Fault('invalid', 'Pod cannot be read as a pod', { cause: error });
  }
}
