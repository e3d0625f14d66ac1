import { afterAll, beforeAll, describe } from 'vitest';
import { startKubeletNode, type KubeletNode } from './kubelet/kubelet-node.ts';
import { podLimits } from './kubelet/tests/limits.ts';
import { onePod } from './kubelet/tests/one-pod.ts';
import { podLife } from './kubelet/tests/pods.ts';
import { power } from './kubelet/tests/power.ts';
import { restarts } from './kubelet/tests/restarts.ts';
import { strangers } from './kubelet/tests/strangers.ts';

/** One node serves all of these: to start it takes as long as many a test. */
const signal = AbortSignal.timeout(3_000_000);
let node: KubeletNode;
const theNode = (): KubeletNode => node;

beforeAll(async () => {
  node = await startKubeletNode(signal);
});
afterAll(() => node?.[Symbol.asyncDispose]());

describe('pods with volumes', () => {
  podLife(theNode, signal);
});
describe('IO limits of pods', () => {
  podLimits(theNode, signal);
});
describe('restarts under IO', () => {
  restarts(theNode, signal);
});
describe('one pod at a time', () => {
  onePod(theNode);
});
describe('power', () => {
  power(theNode, signal);
});
describe('what strangers do', () => {
  strangers(theNode, signal);
});
