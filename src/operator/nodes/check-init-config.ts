import { textOf } from '../../model/fault.ts';
import { parseNamePattern } from '../../model/name-pattern.ts';
import type { InitConfig, ListConfig, NodeConfig, ResourceToBeInited } from '../../model/objects.ts';
import { selectorProblems } from '../../model/label-selector.ts';

/** Everything that is wrong with an init config, in sentences that name the field; empty when it can be applied. */
export function initConfigProblems({ globalConfig, nodesConfig = [] }: NonNullable<InitConfig['spec']>): string[] {
  const entries = nodesConfig.flatMap(({ selector, ...config }, at) => {
    const where = `spec.nodesConfig[${at}]`;
    const selection = selector ? selectorProblems(selector).map((problem) => `${where}.selector.${problem}`) : [];
    return [...selection, ...configProblems(where, config)];
  });
  return [...configProblems('spec.globalConfig', globalConfig ?? {}), ...entries];
}

const configProblems = (where: string, { listConfig = {}, resourceToBeInited = {} }: NodeConfig): string[] => [
  ...listProblems(`${where}.listConfig`, listConfig),
  ...resourceProblems(`${where}.resourceToBeInited`, resourceToBeInited),
];

function listProblems(where: string, lists: ListConfig): string[] {
  return (['vgs', 'mountPoints', 'devices'] as const).flatMap((kind) =>
    (['include', 'exclude'] as const).flatMap((list) =>
      (lists[kind]?.[list] ?? []).flatMap((pattern, at) => patternProblem(`${where}.${kind}.${list}[${at}]`, pattern)),
    ),
  );
}

function patternProblem(where: string, pattern: string): string[] {
  try {
    parseNamePattern(pattern);
    return [];
  } catch (error) {
    return [`${where}: ${textOf(error)}`];
  }
}

/**
 * Groups and mount points listed twice, and devices listed for two purposes: whichever was meant, the other is a
 * mistake.
 */
function resourceProblems(where: string, { vgs = [], mountpoints = [] }: ResourceToBeInited): string[] {
  const uses = [
    ...vgs.flatMap(({ name, devices }) => devices.map((device) => ({ device, use: `volume group ${name}` }))),
    ...mountpoints.map(({ path, device }) => ({ device, use: `mount point ${path}` })),
  ];
  const byDevice = Map.groupBy(uses, ({ device }) => device);
  return [
    ...repeated(vgs.map(({ name }) => name)).map(
      (name) => `${where}.vgs: volume group ${name} is listed more than once`,
    ),
    ...repeated(mountpoints.map(({ path }) => path)).map(
      (path) => `${where}.mountpoints: ${path} is listed more than once`,
    ),
    ...[...byDevice.entries()]
      .filter(([, those]) => those.length > 1)
      .map(
        ([device, those]) =>
          `${where}: device ${device} is listed ${those.length} times: for ${those.map(({ use }) => use).join(', ')}`,
      ),
  ];
}

const repeated = (names: readonly string[]): string[] => [
  ...new Set(names.filter((name, at) => names.indexOf(name) !== at)),
];
