import { parseNameFilter } from '../../model/name-pattern.ts';
import type { InitConfig, NameFilter, NodeConfig } from '../../model/objects.ts';

/**
 * Parts of an init config that have no effect though nothing is wrong with them, in sentences that name the field. The
 * config must have no problems.
 */
export function initConfigNotes({ globalConfig, nodesConfig = [] }: NonNullable<InitConfig['spec']>): string[] {
  return [
    ...notesOn('spec.globalConfig', globalConfig ?? {}),
    ...nodesConfig.flatMap((config, at) => [
      ...(config.selector === undefined ? [`spec.nodesConfig[${at}] has no selector and so is for no node`] : []),
      ...notesOn(`spec.nodesConfig[${at}]`, config),
    ]),
  ];
}

function notesOn(where: string, { listConfig = {}, resourceToBeInited = {}, spdkConfig }: NodeConfig): string[] {
  const { vgs = [], mountpoints = [] } = resourceToBeInited;
  const left = (list: 'vgs' | 'mountPoints', what: string, names: readonly string[]): string[] =>
    notIn(listConfig[list], names).map(
      (name) => `${what} ${name} is made, but ${where}.listConfig.${list} leaves it out, so no volume is placed there`,
    );
  const paths = mountpoints.map(({ path }) => path.replace(/(?<=.)\/+$/, ''));
  return [
    ...(spdkConfig?.deviceType || spdkConfig?.rpcSocket
      ? [`${where}.spdkConfig is not supported, and nothing is done with it`]
      : []),
    ...left(
      'vgs',
      'volume group',
      vgs.map(({ name }) => name),
    ),
    ...left('mountPoints', 'mount point', paths),
  ];
}

function notIn(filter: NameFilter = {}, names: readonly string[]): readonly string[] {
  const { holds } = parseNameFilter(filter);
  return names.filter((name) => !holds(name));
}
