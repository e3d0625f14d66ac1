import type { AskedVolume } from '../../capacity/needs/asked-volumes.ts';
import type { Shortfall } from '../../capacity/placing/shortfall.ts';
import { claimFacts } from '../../model/decode-claim.ts';
import { classFacts, driversOf, podFacts } from '../../model/decode.ts';
import type { PodFacts } from '../../model/facts.ts';
import { nodeTraitsOf, nodeWishOf, type NodeTraits } from '../../model/node-choice.ts';
import type { Pod } from '../../model/objects.ts';
import { present } from '../../model/present.ts';
import { TOPOLOGY_KEY } from '../../model/well-known.ts';
import { ledgerOf, type ReadObjects } from '../follow/ledger-of.ts';
import type { StorageView } from '../follow/views.ts';
import { hasNodeAndClaims, sayNamedNode, type KnownOfClaims } from './named-node.ts';
import { sayWhy, type RefusedClaim, type Told } from './sentences.ts';
import { closestGroup, emptySurvey, sourcesOf, surveyNodes, type Sources } from './survey.ts';

/** Why a pod is not placed, or that it could be: by the functions by which the operator decides and tells. */
export interface Why {
  /** The volumes of ours that it asks for. */
  readonly asked: readonly AskedVolume[];
  readonly nodes: number;
  /** How many of them it may go to, and have room. */
  readonly fits: number;
  /** What the operator's Event says, or would; undefined when the pod does not wait for us. */
  readonly message?: string;
  readonly reason?: string;
  readonly perNode: readonly WhyNode[];
}

export interface WhyNode {
  readonly node: string;
  readonly fits: boolean;
  /** What stands in its way; empty where it fits. */
  readonly obstacle: string;
  /** Bytes that are missing there in all, and in which group or unit most; absent where room is not what is missing. */
  readonly lacks?: number;
  readonly where?: string;
}

/** Whoever is asked about many pods. */
export interface Judge {
  readonly why: (pod: PodFacts, refusedClaim?: RefusedClaim) => Why;
  /** Undefined where there is no such Node. */
  readonly onNode: (pod: PodFacts, node: string) => WhyNode | undefined;
  /** Why a pod that has its node does not start, where that is that it names its node itself. */
  readonly named: (pod: PodFacts) => Told | undefined;
  readonly concerns: (pod: PodFacts) => boolean;
  readonly factsOf: (pod: Pod) => PodFacts;
  /** The StorageClasses that are ours. */
  readonly classes: ReadonlySet<string>;
}

/** Judges by what was read at one time; `counted` are the storages as they count for new volumes. */
export function createJudge(read: ReadObjects, counted: readonly StorageView[]): Judge {
  const drivers = driversOf(read.settings.driver);
  const ledger = ledgerOf(read, counted);
  const storages = new Map(counted.map((view) => [view.name, view]));
  const sources = sourcesOf(ledger, storages);
  const nodes = read.nodes.map(nodeTraitsOf).toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const known = knownOf(read, nodes);
  return {
    concerns: (pod) => ledger.concerns(pod),
    named: (pod) => (hasNodeAndClaims(pod) ? sayNamedNode(pod, ledger.lacks(pod, []).asked, known) : undefined),
    classes: new Set([...ledger.classes()].map(({ name }) => name)),
    // Also of a pod that no scheduler has looked at yet.
    factsOf: (pod) => ({ ...podFacts(pod, drivers), unscheduled: nodeWishOf(pod) }),
    onNode: (pod, name) => {
      const node = nodes.find((each) => each.name === name);
      return node && whyNode(pod, node, sources);
    },
    why: (pod, refusedClaim) => {
      const survey = emptySurvey();
      surveyNodes(survey, pod, nodes, sources);
      const group = closestGroup(survey, (node) => ledger.node(node), sources);
      const told = sayWhy({ survey, group, refusedClaim });
      return {
        ...{ asked: survey.asked, nodes: survey.nodes, fits: survey.fits, ...told },
        perNode: nodes.map((node) => whyNode(pod, node, sources)),
      };
    },
  };
}

function knownOf({ claims, classes }: ReadObjects, nodes: readonly NodeTraits[]): KnownOfClaims {
  const byKey = new Map(claims.map(claimFacts).map((claim) => [`${claim.namespace}/${claim.name}`, claim]));
  const byName = new Map(classes.map(classFacts).map((each) => [each.name, each]));
  const labels = new Map(nodes.map((node) => [node.name, node.labels]));
  return {
    claim: (key) => byKey.get(key),
    storageClass: (name) => byName.get(name),
    hostname: (node) => labels.get(node)?.[TOPOLOGY_KEY],
  };
}

/** What stands in the pod's way on one node. */
export function whyNode(pod: PodFacts, node: NodeTraits, sources: Sources): WhyNode {
  const survey = emptySurvey();
  surveyNodes(survey, pod, [node], sources);
  const [obstacle] = survey.obstacles.values();
  const closest: Partial<Shortfall> = survey.closest ?? {};
  return {
    ...{ node: node.name, fits: survey.fits > 0, obstacle: obstacle?.text ?? '' },
    ...present({ lacks: closest.lacks, where: closest.where }),
  };
}
