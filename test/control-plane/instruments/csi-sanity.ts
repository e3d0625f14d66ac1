import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The machine on which the program runs. */
export interface SanityPlace {
  /** Path of the program csi-sanity. */
  readonly program: string;
  /** Folder for its report, its log and the volumes' target paths. */
  readonly dir: string;
  write(file: string, text: string): Promise<void>;
  read(file: string): Promise<string>;
  /** Resolves to everything that the program said, whatever its exit code. */
  run(argv: readonly string[]): Promise<string>;
}

export interface SanityOptions {
  readonly place: SanityPlace;
  /** Names the files of this run. */
  readonly name: string;
  /** Addresses as gRPC has them. */
  readonly controller: string;
  readonly node: string;
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
  const { place, name, sizes } = options;
  const at = (suffix: string): string => path.join(place.dir, `sanity-${name}${suffix}`);
  const asYaml = async (suffix: string, parameters: Readonly<Record<string, string>>): Promise<string> => {
    await place.write(at(suffix), JSON.stringify(parameters));
    return at(suffix);
  };
  const output = await place.run([
    place.program,
    `--csi.endpoint=${options.node}`,
    `--csi.controllerendpoint=${options.controller}`,
    `--csi.mountdir=${at('-mount')}`,
    `--csi.stagingdir=${at('-stage')}`,
    `--csi.testvolumesize=${sizes[0]}`,
    `--csi.testvolumeexpandsize=${sizes[1]}`,
    `--csi.testvolumeparameters=${await asYaml('.yaml', options.parameters)}`,
    `--csi.testvolumemutableparameters=${await asYaml('-mutable.yaml', options.mutableParameters)}`,
    `--csi.testsnapshotparameters=${await asYaml('-snapshot.yaml', options.snapshotParameters)}`,
    `--csi.testvolumeaccesstype=${options.access}`,
    `--ginkgo.json-report=${at('.json')}`,
    ...options.skip.map((test) => `--ginkgo.skip=${asPattern(test)}`),
  ]);
  await place.write(at('.log'), output);
  return readReport(await place.read(at('.json')));
}

/** This machine, on which `program` is. */
export const hereWith = (program: string, dir: string): SanityPlace => ({
  program,
  dir,
  write: (file, text) => writeFile(file, text),
  read: (file) => readFile(file, 'utf8'),
  run: ([file = '', ...args]) => runToEnd(file, args),
});

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
