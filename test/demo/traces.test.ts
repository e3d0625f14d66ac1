// oxlint-disable vitest/no-standalone-expect -- testOn's test is one, which the rule does not know
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/exec/run.ts';
import { loadKubeconfig } from '../../src/kube/access/kubeconfig.ts';
import { LOCAL_VOLUMES } from '../../src/kube/resource.ts';
import { createKubeClient } from '../../src/kube/rest/rest-client.ts';
import type { LocalVolume } from '../../src/model/local-volume.ts';
import { TRACEPARENT } from '../../src/model/well-known.ts';
import { freePort } from '../../sandbox/cluster/free-port.ts';
import { testOn } from '../machine.ts';
import { startCollector, type CollectedSpan } from '../rig/collector.ts';
import { eventually } from '../rig/eventually.ts';
import { buildProgram, type Program } from '../rig/program.ts';

let program: Program;
let story: string;
beforeAll(async () => {
  program = await buildProgram();
  story = path.join(program.root, 'traces.yaml');
  await writeFile(story, STORY);
  await writeFile(path.join(program.root, 'one.yaml'), POD);
}, 60_000);
afterAll(() => program[Symbol.asyncDispose]());

const STORY = `nodes: [{ name: node-1, disks: [{ name: /dev/sdb, size: 1Gi, mediaType: ssd }] }]
steps:
  - step: there is a group
    apply: [deploy/csidriver.yaml, deploy/storageclasses.yaml, examples/demo/groups.yaml]
    expect:
      - says: one group
        of: { kind: NodeLocalStorage }
        path: status.filteredStorageInfo.volumeGroups[*]
        count: 1
  - step: a pod has a claim
    apply: [one.yaml]
    expect:
      - says: it runs
        of: { kind: Pod }
        path: status.phase
        tally: { Running: 1 }
  - step: the claim grows
    grow: { claim: data-one-0, to: 200Mi }
    expect:
      - says: the claim is larger
        of: { kind: PersistentVolumeClaim }
        path: status.capacity.storage
        each: 200Mi
`;

const POD = `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: one }
spec:
  serviceName: one
  selector: { matchLabels: { app: one } }
  template:
    metadata: { labels: { app: one } }
    spec:
      containers: [{ name: c, image: nginx, volumeMounts: [{ name: data, mountPath: /data }] }]
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: open-local-lvm
        resources: { requests: { storage: 100Mi } }
`;

/** Plays the story and leaves it running for `look`, which is given a client of it and what the sandbox printed. */
async function play(
  flags: readonly string[],
  look: (cluster: { readonly volumes: readonly LocalVolume[]; readonly metricsUrl: string }) => Promise<void>,
): Promise<void> {
  const args = ['sandbox', '--serve', `--story=${story}`, `--log-dir=${program.logs}`, ...flags];
  const { child, match } = await program.startUntil(args, /KUBECONFIG=(\S+)\n.*metrics: (http:\S+)\n/);
  const ended = once(child, 'exit');
  try {
    const [, kubeconfig = '', metricsUrl = ''] = match;
    const client = createKubeClient(await loadKubeconfig(kubeconfig, { run }), { userAgent: 'test' });
    const { items } = await client.list(LOCAL_VOLUMES, {}, AbortSignal.timeout(10_000));
    client.close();
    await look({ volumes: items.filter(({ spec }) => spec.claim?.name === 'data-one-0'), metricsUrl });
  } finally {
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  }
  expect(await program.leftovers()).toEqual([]);
}

/** The names of a span and of all that it is part of, the outermost first, each with its program. */
function wayTo(span: CollectedSpan, spans: readonly CollectedSpan[]): readonly string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  const own = `${span.service.replace('open-local-', '')} ${span.name}`;
  return parent ? [...wayTo(parent, spans), own] : [own];
}

/** Plays the story with a collector; gives the ways to all spans, by the call that each trace began with. */
async function collect(lvm: 'simulated' | 'real') {
  await using collector = await startCollector();
  const { spans } = collector;
  await play([`--lvm=${lvm}`, `--trace-endpoint=${collector.endpoint}`], async ({ volumes }) => {
    expect(volumes.map(({ metadata }) => metadata.annotations?.[TRACEPARENT])).toEqual([
      expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-01$/),
    ]);
    await eventually(() => expect(spans.map(({ name }) => name)).toContain('NodePublishVolume'));
  });
  const waysOf = (call: string) => {
    const root = spans.find(({ name }) => name === call);
    return spans.filter(({ traceId }) => traceId === root?.traceId).map((span) => wayTo(span, spans).join(' › '));
  };
  return { spans, waysOf };
}

test('one claim is one trace, from CreateVolume to what its agent makes, and so is its growth', async () => {
  const { spans, waysOf } = await collect('simulated');
  // csi-provisioner may ask more than once: each call is a span of the claim's trace.
  expect([...new Set(waysOf('CreateVolume'))].toSorted()).toEqual([
    'operator CreateVolume',
    'operator CreateVolume › agent reconcile LocalVolume',
    'operator CreateVolume › agent reconcile LocalVolume › agent volume create',
  ]);
  expect(waysOf('ControllerExpandVolume')).toContain(
    'operator ControllerExpandVolume › agent reconcile LocalVolume › agent volume extend',
  );
  const filter = spans.find(({ name }) => name === 'extender filter');
  expect(filter?.attributes).toMatchObject({ pod: 'default/one-0', 'nodes.asked': '1', 'nodes.fit': '1' });
  expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['NodeStageVolume', 'NodePublishVolume']));
  expect(spans.find(({ name }) => name === 'volume create')?.resource).toEqual({
    ...{ 'service.name': 'open-local-agent', 'service.version': expect.stringMatching(/^\d/) },
    'k8s.node.name': 'node-1',
  });
}, 120_000);

testOn('root', 'lvm2', 'loop devices')(
  'with real lvm2 the trace ends with lvcreate and what makes it whole',
  async () => {
    const { waysOf } = await collect('real');
    const create = 'operator CreateVolume › agent reconcile LocalVolume › agent volume create';
    expect(waysOf('CreateVolume')).toEqual(
      expect.arrayContaining([
        'operator CreateVolume',
        create,
        `${create} › agent lvcreate`,
        `${create} › agent lvchange`,
      ]),
    );
    expect(waysOf('ControllerExpandVolume')).toContain(
      'operator ControllerExpandVolume › agent reconcile LocalVolume › agent volume extend › agent lvextend',
    );
    // The look at the whole node, half a second later, is brought about by this and is no part of it.
    expect(waysOf('CreateVolume').filter((way) => way.endsWith('fullreport'))).toHaveLength(2);
  },
  180_000,
);

test('without the flag nothing is written on the volume', async () => {
  await play([], async ({ volumes, metricsUrl }) => {
    expect(volumes).toHaveLength(1);
    expect(JSON.stringify(volumes)).not.toContain('traceparent');
    expect(await (await fetch(metricsUrl)).text()).not.toContain('trace');
  });
}, 120_000);

test('with a collector that is not there all is as ever, and what is lost is counted', async () => {
  await play([`--trace-endpoint=http://127.0.0.1:${await freePort()}`], async ({ volumes, metricsUrl }) => {
    expect(volumes.map(({ status }) => status?.phase)).toEqual(['Ready']);
    await eventually(async () => {
      const page = await (await fetch(metricsUrl)).text();
      const [, count] = /^open_local_trace_dropped_spans_total\{why="unsent"\} (\d+)$/m.exec(page) ?? [];
      expect(Number(count)).toBeGreaterThan(0);
    });
  });
}, 120_000);
