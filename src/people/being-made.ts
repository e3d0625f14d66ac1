import { silenceOf } from '../doctor/checks/agents.ts';
import { isVolumeOf } from '../doctor/model/volume-of.ts';
import { inWords } from '../model/in-words.ts';
import { bytes, formatShort } from '../model/bytes.ts';
import type { LocalVolume } from '../model/local-volume.ts';
import type { Room } from './room.ts';

/** A volume that has its place, and is not there yet: who wants it waits for its node alone. */
export interface BeingMade {
  readonly volume: string;
  readonly node: string;
  /** Sentences. */
  readonly message: string;
}

/** Those of the named claims of one namespace. */
export function beingMade(room: Room, namespace: string, claims: readonly string[]): readonly BeingMade[] {
  const asked = claims.map(
    (name) =>
      room.claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name) ?? {
        metadata: { namespace, name },
      },
  );
  return room.volumes
    .filter((volume) => volume.status?.phase !== 'Ready' && asked.some((claim) => isVolumeOf(volume, claim)))
    .map((volume) => ({
      volume: volume.metadata.name ?? '',
      node: volume.spec.nodeName,
      message: [said(volume), ...ofAgent(volume.spec.nodeName, room)].join(' '),
    }));
}

function said({ metadata, spec, status }: LocalVolume): string {
  const what = `Volume ${metadata.name} of claim ${spec.claim?.name} (${formatShort(bytes(spec.sizeBytes))}) has its place on node ${spec.nodeName}`;
  if (status?.message === undefined) return `${what}, whose agent has said nothing of it yet.`;
  return `${what}, whose agent says: ${status.message.replace(/\.?$/, '.')}`;
}

function ofAgent(node: string, { storages, now }: Room): readonly string[] {
  const nls = storages.find(({ metadata }) => metadata.name === node);
  const silence = nls && silenceOf(nls, now);
  return silence === undefined
    ? []
    : [
        `It has not reported for ${inWords(silence)}: see the log of its pod on ${node}, and kubectl open-local doctor.`,
      ];
}
