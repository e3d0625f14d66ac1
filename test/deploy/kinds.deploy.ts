import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { kustomized, SNAPSHOT_FLAGS, template } from './chart.ts';
import { LOCATION, writeCrdSchemas, writeSchemas } from './schemas.ts';

/** What every Kubernetes from 1.30 on says of its own kinds judges what the chart makes for it. */

const run = promisify(execFile);
const tools = inject('tools');
const root = path.join(import.meta.dirname, '../..');
const VALUES = path.join(import.meta.dirname, 'values');
const MINORS = ['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37'];
const GROUPS = [
  ...['', 'apps', 'policy', 'rbac.authorization.k8s.io', 'storage.k8s.io', 'networking.k8s.io'],
  ...['admissionregistration.k8s.io', 'apiextensions.k8s.io'],
];

let dir: string;
let described: string;
let versions: ReadonlyMap<string, string>;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'open-local-kinds-'));
  const { stdout } = await run(path.join(import.meta.dirname, 'openapi.sh'), { timeout: 600_000 });
  described = stdout.trim();
  const found = (await readdir(described)).flatMap((file) => /^v(\d+\.\d+)(\.\d+)\.json$/.exec(file) ?? []);
  versions = new Map(MINORS.map((minor) => [minor, `${minor}${found[found.indexOf(minor) + 1] ?? ''}`]));
}, 620_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The folder of schemas of one Kubernetes and of the others whose kinds we use. */
async function schemasOf(version: string): Promise<string> {
  const folder = path.join(dir, version);
  const count = await writeSchemas(path.join(described, `v${version}.json`), folder, GROUPS);
  expect(count).toBeGreaterThan(90);
  await writeCrdSchemas(path.join(described, 'crds'), folder);
  await writeCrdSchemas(path.join(root, 'crds'), folder);
  return folder;
}

async function conform(folder: string, text: string): Promise<string> {
  const file = path.join(folder, 'manifests.yaml');
  await writeFile(file, text);
  const { stdout } = await run(tools.kubeconform, [`-schema-location=${folder}/${LOCATION}`, '-summary', file]).catch(
    (error: unknown) => error as { stdout: string },
  );
  return stdout;
}

const NOTHING_WRONG = /Valid: \d+, Invalid: 0, Errors: 0, Skipped: 0/;

describe.each(MINORS)('Kubernetes %s', (minor) => {
  let version: string;
  let folder: string;
  beforeAll(async () => {
    version = versions.get(minor) ?? '';
    folder = await schemasOf(version);
  });

  test.each(readdirSync(VALUES))('knows every field of what the chart makes of %s', async (file) => {
    const flags = [`--values=${path.join(VALUES, file)}`, `--kube-version=${version}`];
    // VolumeAttributesClass has its last form since 1.34.
    if (MINORS.indexOf(minor) < MINORS.indexOf('1.34')) flags.push('--set=volumeattributesclass=null');
    expect(await conform(folder, await template(tools, ...flags))).toMatch(NOTHING_WRONG);
  });

  const isOld = MINORS.indexOf(minor) < MINORS.indexOf('1.36');
  test.each(['deploy', 'deploy/bind', 'examples/with-snapshots', ...(isOld ? [] : ['deploy/marked-pods'])])(
    'knows every field of the base %s',
    async (base) => {
      expect(await conform(folder, await kustomized(tools, base))).toMatch(NOTHING_WRONG);
    },
  );

  test('names a field that it does not know, and a value of another type', async () => {
    const text = await template(tools, ...SNAPSHOT_FLAGS);
    const wrong = text.replace('hostPID: true', 'hostPid: true').replace('maxSkew: 1', 'maxSkew: one');
    const said = await conform(folder, wrong);
    expect(said).toMatch(/open-local-agent .*hostPid/);
    expect(said).toMatch(/open-local-operator .*maxSkew/);
  });
});

test('what is older than 1.30 is refused', async () => {
  await expect(template(tools, '--kube-version=1.29.9')).rejects.toThrow(/requires kubeVersion: >=1\.30\.0-0/);
});
