import { inWords } from '../model/in-words.ts';
import type { Facts } from './model/facts.ts';
import type { Finding } from './model/finding.ts';

/** 0 healthy, 1 something was found, 2 nothing was found and not everything could be looked at. */
export const exitCode = ({ unseen }: Pick<Facts, 'unseen'>, findings: readonly Finding[]): number => {
  if (findings.length > 0) return 1;
  return unseen.length > 0 ? 2 : 0;
};

/** For a person: one line when all is well. */
export function asText(facts: Facts, findings: readonly Finding[]): string {
  const lines = [
    ...findings.flatMap(paragraph),
    ...facts.unseen.map(({ what, problem }) => `not looked at: ${what}: ${problem}`),
  ];
  return `${[...lines, summary(facts, findings)].join('\n')}\n`;
}

const paragraph = ({ name, level, object, what, why, mend }: Finding): string[] => [
  `${level} ${name}  ${object}`,
  `  ${what}`,
  `  why it matters: ${why}`,
  ...mend.map((each) => `  to mend: ${each}`),
  '',
];

function summary(facts: Facts, findings: readonly Finding[]): string {
  const { nodes = [], volumes = [], storages = [], lease, now, unseen } = facts;
  if (findings.length > 0) {
    const broken = findings.filter(({ level }) => level === 'broken').length;
    return `${count(broken, 'thing')} broken, ${count(findings.length - broken, 'risk')}; docs/doctor.md has each by its name`;
  }
  if (unseen.length > 0) return `nothing found, and ${count(unseen.length, 'thing')} not looked at`;
  const seen = `${count(nodes.length, 'node')}, ${storages.length} with storage reports, ${count(volumes.length, 'volume')}`;
  const leads = lease?.spec?.renewTime ? `, leader seen ${inWords(now - Date.parse(lease.spec.renewTime))} ago` : '';
  return `healthy: open-local ${facts.version} in namespace ${facts.namespace}: ${seen}${leads}`;
}

const count = (number: number, of: string): string => `${number} ${of}${number === 1 ? '' : 's'}`;

/** For a program. */
export const asJson = ({ version, namespace, now, unseen }: Facts, findings: readonly Finding[]): string =>
  `${JSON.stringify({ version, namespace, lookedAt: new Date(now).toISOString(), healthy: findings.length + unseen.length === 0, findings, notLookedAt: unseen }, undefined, 2)}\n`;
