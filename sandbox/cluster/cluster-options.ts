import type { Log } from '../../src/kube/log.ts';
import type { StoryNode } from '../story/story.ts';

export interface ClusterOptions {
  readonly nodes: readonly StoryNode[];
  readonly lvm: 'simulated' | 'real';
  /** The program whose operator and agents are started, as argv. */
  readonly openLocal: readonly string[];
  /** Where the CustomResourceDefinitions are. */
  readonly crdDirectory: string;
  /** Sockets, disks and mounts are kept here; short, since sockets are in it. */
  readonly directory: string;
  readonly logDirectory: string;
  readonly log: Log;
}
