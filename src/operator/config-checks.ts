import type { AntiAffinity } from '../capacity/placing/score-nodes.ts';
import { isReachable, type Endpoint } from '../daemon/endpoint.ts';
import { checkListen } from '../extender/check-listen.ts';
import { textOf } from '../model/fault.ts';
import { VOLUME_KINDS } from '../model/storage-class.ts';

interface ExtenderFlags {
  readonly listen: Endpoint | undefined;
  readonly tlsDir: string | undefined;
  readonly clients: readonly string[];
  readonly allowPlaintext: boolean;
}

/** What is wrong with how the extender is to be served: sentences. */
export function extenderProblems({ listen, tlsDir, clients, allowPlaintext }: ExtenderFlags): string[] {
  const problems: string[] = [];
  if (tlsDir === undefined && clients.length > 0)
    problems.push('--extender-allowed-clients: clients are known by their certificates: give --extender-tls-dir too');
  try {
    if (listen) checkListen({ endpoint: listen, tls: tlsDir !== undefined, allowPlaintext });
  } catch (error) {
    problems.push(`--extender-listen: ${textOf(error)}`);
  }
  return problems;
}

/** The same of the page. */
export function pageProblems(
  listen: Endpoint | undefined,
  service: string | undefined,
  tlsDir: string | undefined,
): string[] {
  const reachable = listen !== undefined && isReachable(listen);
  return [
    ...(reachable && tlsDir === undefined
      ? ['--page-listen: tokens of people go there: give --extender-tls-dir, or listen on 127.0.0.1']
      : []),
    ...(service !== undefined && !reachable
      ? ['--page-service: no other pod reaches the page: give --page-listen=:PORT']
      : []),
  ];
}

/** `MountPoint=5,LVM`, as in open-local: a kind alone weighs 5. Throws Error that says what is wrong. */
export function parseAntiAffinity(given: string): AntiAffinity {
  const weights: { -readonly [K in keyof AntiAffinity]: AntiAffinity[K] } = {};
  for (const part of given.split(',').filter((part) => part.trim() !== '')) {
    const [word = '', weight = '5'] = part.split('=').map((text) => text.trim());
    const kind = VOLUME_KINDS.find((kind) => kind === word);
    if (kind === undefined) throw new Error(`"${word}" is unknown: use ${VOLUME_KINDS.join(', ')}`);
    if (!/^(\d|10)$/.test(weight))
      throw new Error(`the weight "${weight}" of ${kind} must be a whole number from 0 to 10`);
    weights[kind] = Number(weight);
  }
  return weights;
}
