import type { MakeVolumeDeps } from '../../csi/controller/make-volume.ts';
import type { KubeClient } from '../../kube/client.ts';
import { CLAIMS } from '../../kube/resource.ts';
import { claimUidIn } from '../../model/decode.ts';
import { claimFacts } from '../../model/decode-claim.ts';
import type { ClaimFacts } from '../../model/facts.ts';
import { Fault, textOf } from '../../model/fault.ts';
import type { PersistentVolumeClaim } from '../../model/objects.ts';
import type { Informers } from '../follow/informers.ts';

export interface ClaimsOfVolumesDeps {
  readonly client: Pick<KubeClient, 'list'>;
  readonly informers: { readonly claims: Pick<Informers['claims'], 'get'> };
}

/** Which claim a volume is asked for, by the volume's name and what external-provisioner tells besides. */
export function createClaimsOfVolumes({
  client,
  informers: { claims },
}: ClaimsOfVolumesDeps): Pick<MakeVolumeDeps, 'claimUid' | 'whyNotWanted'> {
  return {
    // A claim that was made anew has the name of the one before, whose volume may still be asked for.
    claimUid: ({ name, claim }) => claimUidIn(name) ?? (claim && claims.get(`${claim.namespace}/${claim.name}`)?.uid),

    whyNotWanted: async ({ name: volume, claim, nodes }, signal) => {
      const uid = claimUidIn(volume);
      if (uid === undefined || claim === undefined) return undefined;
      const { namespace, name } = claim;
      const heard = claims.get(`${namespace}/${name}`);
      if (heard?.uid === uid && heard.volumeName === undefined && mayBeAt(heard.selectedNode, nodes)) return undefined;
      // A claim may be made, or moved, and asked for before we hear of it: the API server knows.
      const found = (await listed({ namespace, name }, client, signal)).find(({ metadata }) => metadata.uid === uid);
      if (found === undefined) return `claim ${namespace}/${name} (uid ${uid}) is gone`;
      // Its room may be held for the claim for which it stands in, until we hear of it.
      if (heard?.uid !== uid && isStandIn(claimFacts(found)))
        throw new Fault('aborted', `claim ${namespace}/${name} was not heard of yet`);
      return whyNot(claimFacts(found), nodes);
    },
  };
}

function whyNot({ namespace, name, volumeName, selectedNode }: ClaimFacts, nodes: readonly string[] | undefined) {
  if (volumeName !== undefined) return `claim ${namespace}/${name} has PersistentVolume ${volumeName}`;
  if (mayBeAt(selectedNode, nodes)) return undefined;
  return `node ${selectedNode} was chosen for claim ${namespace}/${name}, and not ${nodes?.join(', ')}`;
}

/**
 * csi-provisioner remembers for each claim where the node that was chosen is, until an answer is final. Its versions
 * 6.0 and 6.1 mix claims up (external-provisioner issue 1465), and each asks for the first node as long as a call is
 * under way, also once somebody took that node's name off the claim and another was chosen.
 */
const mayBeAt = (chosen: string | undefined, nodes: readonly string[] | undefined): boolean =>
  chosen === undefined || nodes === undefined || nodes.includes(chosen);

const isStandIn = ({ standsInFor, restore }: ClaimFacts): boolean => standsInFor !== undefined || restore === 'from';

/** The one claim of that name, if there is one: whoever follows claims may list them, and need not be let get one. */
async function listed(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  client: ClaimsOfVolumesDeps['client'],
  signal: AbortSignal,
): Promise<readonly PersistentVolumeClaim[]> {
  try {
    return (await client.list(CLAIMS, { namespace, fieldSelector: `metadata.name=${name}` }, signal)).items;
  } catch (error) {
    throw new Fault('unavailable', `asking for claim ${namespace}/${name}: ${textOf(error)}`, { cause: error });
  }
}
