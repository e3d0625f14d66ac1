import { GONE_SINCE } from './well-known.ts';

/** Selects the NodeLocalStorages of nodes that are there: that of a node that went is kept aside for a day. */
export const OF_NODES_THERE = `!${GONE_SINCE}`;
