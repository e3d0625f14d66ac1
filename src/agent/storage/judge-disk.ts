import type { KernelSigns } from '../../disk/kernel-signs.ts';
import type { SmartReport } from '../../disk/smart.ts';
import { present } from '../../model/present.ts';
import { DISK_REASONS, type DiskReason, type FailingDisk } from '../../model/disk-reasons.ts';

/** All that is known of the health of a disk. */
export interface DiskSigns {
  readonly kernel: Pick<KernelSigns, 'offline'>;
  /** Nothing that is read of it comes, and no error. */
  readonly isSilent: boolean;
  /** Commands fail, more than other programs' looks at its SMART would explain. */
  readonly failsCommands: boolean;
  /** Filesystems on it that met errors of the device, by kernel name. */
  readonly filesystems: readonly string[];
  /** What it last said of itself; absent: nothing. */
  readonly smart?: SmartReport;
  /** Its count of what it could not give back grew. */
  readonly losesData: boolean;
  /** It had sectors that it could not read at two looks in a row: the firmware of some SSDs tells one now and then. */
  readonly pendingSectors: number;
}

/** Which disk of which node, for the sentences about it. */
export interface DiskName {
  readonly node: string;
  readonly path: string;
  readonly identity?: string | undefined;
  readonly serial?: string | undefined;
  readonly carries: readonly string[];
}

/** What NVMe's bits mean; those of temperature and of memory that nobody here uses are no failure. */
const NVME_BITS: readonly (readonly [bit: number, reason: DiskReason])[] = [
  [0, 'SpareUsedUp'],
  [2, 'SelfAssessmentFailed'],
  [3, 'DiskReadOnly'],
  [4, 'CacheUnsafe'],
];

const RELIABILITY = 1 << 2;

/** Why a disk is called failing, with details for the sentence; undefined: it is ok. */
export function judgeDisk(signs: DiskSigns, name: DiskName): FailingDisk | undefined {
  const found = findingsOf(signs);
  const [worst] = ORDER.filter((reason) => found.has(reason));
  if (worst === undefined) return undefined;
  const whats = ORDER.flatMap((reason) => {
    const detail = found.get(reason);
    return detail === undefined ? [] : [`${DISK_REASONS[reason].what}${detail === '' ? '' : `: ${detail}`}`];
  });
  const { node, path, identity, carries } = name;
  return {
    device: path,
    ...present({ identity }),
    reason: worst,
    message: [
      `${subjectOf(name, signs.smart)} fails: ${whats.join('; ')}.`,
      DISK_REASONS[worst].todo,
      keepAway(node, carries),
    ]
      .join(' ')
      .slice(0, MAX_MESSAGE_CHARS),
    carries: carries.slice(0, MAX_CARRIED),
  };
}

/** As much as the CRD lets there be. */
const MAX_MESSAGE_CHARS = 4096;
const MAX_CARRIED = 50;

const ORDER = Object.keys(DISK_REASONS) as DiskReason[];

/** Reasons with what is to be said beside them. */
function findingsOf(signs: DiskSigns): ReadonlyMap<DiskReason, string> {
  const { kernel, isSilent, failsCommands, filesystems, losesData, pendingSectors } = signs;
  const others: readonly (readonly [DiskReason, boolean, string])[] = [
    ['DiskOffline', kernel.offline, ''],
    ['DiskSilent', isSilent, ''],
    ['UnreadableSectors', losesData || pendingSectors > 0, pendingSectors > 0 ? `${pendingSectors}` : ''],
    ['IoErrors', failsCommands, ''],
    ['FilesystemErrors', filesystems.length > 0, filesystems.join(', ')],
  ];
  return new Map([
    ...ofSmart(signs.smart),
    ...others.filter(([, isSo]) => isSo).map(([reason, , detail]) => [reason, detail] as const),
  ]);
}

function ofSmart(smart: SmartReport | undefined): readonly (readonly [DiskReason, string])[] {
  if (!smart) return [];
  const { passed, criticalWarning = 0, wornOnly, failedAttributes } = smart;
  const warned = wornOnly ? criticalWarning & ~RELIABILITY : criticalWarning;
  const ofBits = NVME_BITS.filter(([bit]) => (warned >> bit) & 1).map(([, reason]) => [reason, ''] as const);
  const foretold = passed === false || failedAttributes.length > 0;
  return foretold ? [...ofBits, ['SelfAssessmentFailed', failedAttributes.join(', ')]] : ofBits;
}

function subjectOf({ path, serial, carries }: DiskName, smart: SmartReport | undefined): string {
  const number = smart?.serial ?? serial;
  const known = [smart?.model, number === undefined ? undefined : `serial number ${number}`].filter(Boolean).join(', ');
  return `disk ${path}${known === '' ? '' : ` (${known})`}, which carries ${some(carries)},`;
}

/** Advice alone: nothing is kept away by itself (docs/decisions/0033). */
const keepAway = (node: string, carries: readonly string[]): string =>
  `To keep new volumes away: ${carries
    .slice(0, MAX_NAMED)
    .map((place) => `kubectl open-local cordon ${node} ${place}`)
    .join('; ')}.`;

/** A disk with many partitions would have a sentence that nobody reads. */
const MAX_NAMED = 3;
const some = (places: readonly string[]): string =>
  places.length <= MAX_NAMED
    ? places.join(', ')
    : `${places.slice(0, MAX_NAMED).join(', ')} and ${places.length - MAX_NAMED} more`;
