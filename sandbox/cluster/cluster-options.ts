import type { Log } from '../../src/model/log.ts';
import type { StoryNode } from '../story/story.ts';

export interface ClusterOptions {
  readonly nodes: readonly StoryNode[];
  readonly lvm: 'simulated' | 'real';
  /** Argv of the program whose operator and agents are started. */
  readonly openLocal: readonly string[];
  /** Folder of the CustomResourceDefinitions. */
  readonly crdDirectory: string;
  /**
   * Folder for sockets, disks and mounts. Its path must be short: the kernel limits the path of a socket to 107 bytes.
   */
  readonly directory: string;
  readonly logDirectory: string;
  /** Whether the operator serves its page. */
  readonly page?: boolean;
  /** Where operator and agents send their traces; absent: they make none. */
  readonly traceEndpoint?: URL | undefined;
  readonly log: Log;
}
