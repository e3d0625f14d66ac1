import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface SanityOptions {
  /** Path of the program csi-sanity. */
  readonly program: string;
  /** Folder for its report, its log and the volumes' target paths. */
  readonly dir: string;
  /** Names the files of this run. */
  readonly name: string;
  readonly controllerSocket: string;
  readonly nodeSocket: string;
  readonly access: 'mount' | 'block';
  /** Of the StorageClass. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Of the VolumeAttributesClass. */
  readonly mutableParameters: Readonly<Record<string, string>>;
  /** Of the VolumeSnapshotClass. */
  readonly snapshotParameters: Readonly<Record<string, string>>;
  /** Size of the volumes before and after they are expanded, in bytes; equal for volumes that cannot grow. */
  readonly sizes: readonly [number, number];
  /** Full names of tests that do not run. */
  readonly skip: readonly string[];
}

/** How csi-sanity's tests ended, by their full names. */
export interface SanityResult {
  readonly passed: readonly string[];
  /** With what each says. */
  readonly failed: readonly string[];
  /** Without those that the suite itself has disabled. */
  readonly skipped: readonly string[];
}

/** As in ginkgo's report (https://pkg.go.dev/github.com/onsi/ginkgo/v2/types#SpecReport). */
interface Spec {
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly State: string;
  readonly Failure?: { readonly Message: string };
}

const TIMEOUT_MS = 150_000;

/** Runs the whole suite. Throws when it wrote no report. */
export async function runSanity(options: SanityOptions): Promise<SanityResult> {
  const { program, dir, name, sizes } = options;
  const report = path.join(dir, `sanity-${name}.json`);
  const parameters = path.join(dir, `sanity-${name}.yaml`);
  const mutableParameters = path.join(dir, `sanity-${name}-mutable.yaml`);
  const snapshotParameters = path.join(dir, `sanity-${name}-snapshot.yaml`);
  await writeFile(snapshotParameters, JSON.stringify(options.snapshotParameters));
  await writeFile(parameters, JSON.stringify(options.parameters));
  await writeFile(mutableParameters, JSON.stringify(options.mutableParameters));
  const output = await runToEnd(program, [
    `--csi.endpoint=unix://${options.nodeSocket}`,
    `--csi.controllerendpoint=unix://${options.controllerSocket}`,
    `--csi.mountdir=${path.join(dir, `sanity-${name}-mount`)}`,
    `--csi.stagingdir=${path.join(dir, `sanity-${name}-stage`)}`,
    `--csi.testvolumesize=${sizes[0]}`,
    `--csi.testvolumeexpandsize=${sizes[1]}`,
    `--csi.testvolumeparameters=${parameters}`,
    `--csi.testvolumemutableparameters=${mutableParameters}`,
    `--csi.testsnapshotparameters=${snapshotParameters}`,
    `--csi.testvolumeaccesstype=${options.access}`,
    `--ginkgo.json-report=${report}`,
    ...options.skip.map((test) => `--ginkgo.skip=${asPattern(test)}`),
  ]);
  await writeFile(path.join(dir, `sanity-${name}.log`), output);
  return readReport(await readFile(report, 'utf8'));
}

/** Reads ginkgo's report in JSON. */
export function readReport(text: string): SanityResult {
  const [suite] = JSON.parse(text) as { readonly SpecReports: readonly Spec[] }[];
  const specs = (suite?.SpecReports ?? []).filter(({ LeafNodeType }) => LeafNodeType === 'It');
  const inState = (...states: string[]): Spec[] => specs.filter(({ State }) => states.includes(State));
  const settled = inState('passed', 'skipped', 'pending');
  return {
    passed: inState('passed').map(nameOf),
    failed: specs
      .filter((spec) => !settled.includes(spec))
      .map((spec) => `${nameOf(spec)}: ${spec.Failure?.Message ?? spec.State}`),
    skipped: inState('skipped').map(nameOf),
  };
}

/** Ginkgo matches a regular expression with the texts of a test, a space between them. */
const asPattern = (test: string): string => `${test.replaceAll(' › ', ' ').replaceAll(/[()[\].]/g, String.raw`\$&`)}$`;

const nameOf = ({ ContainerHierarchyTexts, LeafNodeText }: Spec): string =>
  [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' › ');

/** Resolves to everything that the program said, whatever its exit code. */
const runToEnd = (file: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(file, args, { timeout: TIMEOUT_MS, maxBuffer: 1 << 26 }, (_, stdout, stderr) => resolve(stdout + stderr));
  });
