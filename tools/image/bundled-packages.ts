/** What esbuild writes about a bundle, as far as it is read. */
export interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      { readonly bytes: number; readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }
    >
  >;
}

/** Pure. The folders of npm's packages that give the bundle at least a byte, such as `node_modules/yaml`, sorted. */
export function bundledPackages({ outputs }: Metafile): readonly string[] {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(outputs))
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
      if (folder !== undefined && bytesInOutput > 0 && !file.startsWith('left-out:')) folders.add(folder);
    }
  return [...folders].toSorted();
}
