import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startSystem, type System } from './system/system.ts';
import { tell } from './cluster/tell.ts';

/** Tests that csi-sanity leaves out, by the capability that is not advertised or the flag that was not given. */
const LEFT_OUT = [
  /ListVolumes|GetVolume|volume health/i,
  /[Ss]napshot/,
  /[Cc]lone|from existing source|source volume|from an existing/,
  /[Mm]odif|attribute class|VolumeAttributesClass/,
  /ControllerPublish|ControllerUnpublish|publish.*lifecycle|volume lifecycle/i,
  /[Gg]roup/,
  /Health/,
];

let system: System;
beforeAll(async () => {
  system = await startSystem({
    openLocal: inject('openLocal'),
    groups: [{ prefix: 'node', count: 1, disks: '/dev/sdb:20Gi:ssd' }],
    replicas: 1,
  });
});
afterAll(() => system?.stop());

interface Spec {
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly State: string;
  readonly Failure?: { readonly Message: string };
}

test.each(['mount', 'block'])(
  '7: csi-sanity with %s volumes: none failed, and what is skipped has a reason',
  async (access) => {
    const { dir } = system.cluster;
    const report = path.join(dir, `sanity-${access}.json`);
    const parameters = path.join(dir, 'sanity-parameters.yaml');
    await writeFile(parameters, 'volumeType: LVM\n');
    const output = await runToEnd(system.cluster.binary('csi-sanity'), [
      `--csi.endpoint=unix://${path.join(dir, 'n/node-1/csi.sock')}`,
      `--csi.controllerendpoint=unix://${system.leader().csiSocket}`,
      `--csi.mountdir=${path.join(dir, `sanity-${access}-mount`)}`,
      `--csi.stagingdir=${path.join(dir, `sanity-${access}-stage`)}`,
      `--csi.testvolumesize=${64 * 2 ** 20}`,
      `--csi.testvolumeexpandsize=${128 * 2 ** 20}`,
      `--csi.testvolumeparameters=${parameters}`,
      `--csi.testvolumeaccesstype=${access}`,
      `--ginkgo.json-report=${report}`,
    ]);
    await writeFile(path.join(dir, `sanity-${access}.log`), output);
    const [suite] = JSON.parse(await readFile(report, 'utf8')) as { SpecReports: Spec[] }[];
    const specs = (suite?.SpecReports ?? []).filter(({ LeafNodeType }) => LeafNodeType === 'It');
    const nameOf = ({ ContainerHierarchyTexts, LeafNodeText }: Spec): string =>
      [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' › ');
    const inState = (...states: string[]): Spec[] => specs.filter(({ State }) => states.includes(State));
    tell(`csi-sanity ${access}: ${inState('passed').length} passed, ${inState('skipped').length} skipped`);

    const bad = specs.filter((spec) => !inState('passed', 'skipped', 'pending').includes(spec));
    expect(bad.map((spec) => `${nameOf(spec)}: ${spec.Failure?.Message ?? ''}`)).toEqual([]);
    expect(inState('passed').length).toBeGreaterThan(40);
    const unexplained = inState('skipped')
      .map(nameOf)
      .filter((name) => !LEFT_OUT.some((reason) => reason.test(name)));
    expect(unexplained).toEqual([]);
    expect(system.stores.localVolumes.list()).toEqual([]);
  },
);

const runToEnd = (file: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(file, args, { timeout: 150_000, maxBuffer: 1 << 26 }, (_, stdout, stderr) => resolve(stdout + stderr));
  });
