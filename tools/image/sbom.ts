import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { bundledPackages, type Metafile } from './bundled-packages.ts';

/**
 * Prints what is in the image as SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/): Debian's packages, the packages of
 * npm that are in the bundles, and Node. No scanner would find the second: a bundle has no folders. The same image
 * gives the same document.
 *
 * Usage: sbom.ts CHECKOUT DIST PACKAGES ARCHITECTURE DIGEST, with Debian's packages as debian.sh lists them.
 */
interface Package {
  readonly name: string;
  readonly version: string;
  /** https://github.com/package-url/purl-spec */
  readonly purl: string;
  readonly license?: string;
  /** The source package that it was built from, where the name differs. */
  readonly source?: string;
}

const BUNDLES = ['open-local', 'agent', 'people', 'sandbox'];
/** npm's words for Debian's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' };
const UNKNOWN = 'NOASSERTION';

/** Pure. One line each: state, name, version, architecture, source package. */
export function debianPackages(lines: string): readonly Package[] {
  return lines
    .split('\n')
    .filter((line) => line.startsWith('ii'))
    .map((line) => {
      const [, name = '', version = '', architecture = '', source = ''] = line.split('\t');
      const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=bookworm`;
      return { name, version, purl, ...(source === name ? {} : { source }) };
    });
}

/** Packages of npm in these folders, of the versions that package-lock.json pins. */
function npmPackages(lock: Lockfile, folders: readonly string[]): readonly Package[] {
  return folders.map((folder) => {
    const found = lock.packages[folder];
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!found?.version) throw new Error(`${folder} is in a bundle, and package-lock.json does not name it`);
    const purl = `pkg:npm/${name.replace('@', '%40')}@${found.version}`;
    return { name, version: found.version, purl, ...(found.license ? { license: found.license } : {}) };
  });
}

interface Lockfile {
  readonly version: string;
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly license?: string }>>;
}

/** Pure. */
export function spdx(version: string, digest: string, packages: readonly Package[]): object {
  const idOf = ({ purl }: Package): string =>
    `SPDXRef-${purl.replace(/^pkg:|\?.*$/g, '').replaceAll(/[^\w.-]+/g, '-')}`;
  const image: Package = {
    name: 'open-local',
    version,
    purl: `pkg:oci/open-local@${encodeURIComponent(digest)}`,
    license: 'Apache-2.0',
  };
  const all = [image, ...packages];
  const content = createHash('sha256').update(JSON.stringify(all)).digest('hex');
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `open-local-${version}`,
    documentNamespace: `https://spdx.org/spdxdocs/open-local-${version}-${content}`,
    creationInfo: { created: '1970-01-01T00:00:00Z', creators: ['Tool: open-local-sbom'] },
    packages: all.map((each) => ({
      SPDXID: idOf(each),
      name: each.name,
      versionInfo: each.version,
      downloadLocation: UNKNOWN,
      filesAnalyzed: false,
      licenseConcluded: UNKNOWN,
      licenseDeclared: each.license ?? UNKNOWN,
      copyrightText: UNKNOWN,
      ...(each.source ? { sourceInfo: `built from the source package ${each.source}` } : {}),
      externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: each.purl }],
    })),
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: idOf(image) },
      ...packages.map((each) => ({
        spdxElementId: idOf(image),
        relationshipType: 'CONTAINS',
        relatedSpdxElement: idOf(each),
      })),
    ],
  };
}

async function print([
  checkout = '',
  dist = '',
  listed = '',
  architecture = '',
  digest = '',
]: readonly string[]): Promise<void> {
  const lock = JSON.parse(await readFile(path.join(checkout, 'package-lock.json'), 'utf8')) as Lockfile;
  const folders = new Set([`node_modules/node-linux-${ARCHITECTURES[architecture]}`]);
  for (const name of BUNDLES)
    for (const folder of bundledPackages(
      JSON.parse(await readFile(path.join(dist, `${name}.meta.json`), 'utf8')) as Metafile,
    ))
      folders.add(folder);
  const packages = [...debianPackages(await readFile(listed, 'utf8')), ...npmPackages(lock, [...folders].toSorted())];
  process.stdout.write(`${JSON.stringify(spdx(lock.version, digest, packages), null, 2)}\n`);
}

if (import.meta.main) {
  await print(process.argv.slice(2));
}
