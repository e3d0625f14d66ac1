import { whyNoLeader } from '../doctor/checks/operator.ts';
import type { Room } from './room.ts';
import type { Screen } from './screen/screen.ts';
import { wrap } from './screen/table.ts';

/** How a command tells what it found. */
export const OUTPUTS = ['text', 'wide', 'json'] as const;
export type Output = (typeof OUTPUTS)[number];

/** For a program: one document. */
export const asJson = (found: object, { unseen, now }: Pick<Room, 'unseen' | 'now'>): string =>
  `${JSON.stringify({ lookedAt: new Date(now).toISOString(), ...found, notLookedAt: unseen }, undefined, 2)}\n`;

/** `wide` leaves no column out and cuts nothing, as kubectl does not. */
export const screenFor = (output: Output, screen: Screen): Screen =>
  output === 'wide' ? { ...screen, width: Number.POSITIVE_INFINITY } : screen;

/** What is to be known before anything else is believed: that nobody serves, and what could not be looked at. */
export function caveats({ settings, lease, unseen, now }: Room, { width }: Screen): readonly string[] {
  const isLeaseUnseen = unseen.some(({ what }) => what.startsWith('Lease '));
  const noLeader = settings.leaderElection && !isLeaseUnseen ? whyNoLeader(lease, now) : undefined;
  return [
    ...(noLeader === undefined
      ? []
      : [
          `The operator does not lead (its Lease: ${noLeader}) This is what the objects say; nothing new is placed or made until it does: kubectl open-local doctor.`,
        ]),
    ...unseen.map(({ what, problem }) => `not looked at: ${what}: ${problem}`),
  ].flatMap((line) => wrap(line, width));
}

export const asText = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** `1 node`, `2 nodes`. */
export const count = (number: number, of: string): string => `${number} ${of}${number === 1 ? '' : 's'}`;
