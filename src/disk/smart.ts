import { parsedObject } from '../model/parsed-json.ts';
import { CommandFailed } from '../exec/command-failed.ts';
import type { Run } from '../exec/run.ts';
import { present } from '../model/present.ts';

/** What a disk says of its own health, as far as it decides anything. */
export interface SmartReport {
  readonly model?: string;
  readonly serial?: string;
  /** ATA and SCSI: what the disk says of itself as a whole; absent where it does not say. */
  readonly passed?: boolean;
  /** NVMe: the bits of its critical warning (NVM Express Base Specification, figure of the SMART log); 0: none. */
  readonly criticalWarning?: number;
  /** NVMe: as much was written as its maker meant it to take, its spare blocks are there, and no data was ever lost. */
  readonly wornOnly?: true;
  /** ATA: attributes that foretell a failure and are below their maker's threshold now, by name. */
  readonly failedAttributes: readonly string[];
  /** ATA: sectors that it could not read and has not replaced yet. */
  readonly pendingSectors?: number;
  /**
   * How often it could not give back or take data, in all its life: ATA attribute 187, NVMe's media errors, SCSI's
   * counters of errors that were not corrected.
   */
  readonly uncorrected?: number;
}

/**
 * `report`: what it says. `asleep`: it is spun down, and was let be. `none`: it says nothing, as virtual disks and
 * disks behind a RAID controller do. `hung`: smartctl did not end, and was killed. `absent`: there is no smartctl.
 */
export type SmartAnswer =
  | { readonly kind: 'report'; readonly report: SmartReport }
  | { readonly kind: 'asleep' }
  | { readonly kind: 'none' | 'hung' | 'absent'; readonly why: string };

/** Asks a disk, by its path. */
export type AskSmart = (device: string, signal: AbortSignal) => Promise<SmartAnswer>;

/** A failing disk may take minutes for each command; nobody waits for it. */
const DEADLINE_MS = 60_000;
/** Its answer has some 20 KiB. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Asks disks through smartctl of smartmontools, without waking one that sleeps. Its exit status is a mask of bits that
 * say that it could not look (0 to 2) and what it found (3 to 7); its JSON says both better.
 */
export const createSmart =
  (run: Run, { timeoutMs = DEADLINE_MS } = {}): AskSmart =>
  async (device, signal) => {
    const asked = ['--health', '--attributes', '--info', '--log=error']; // the counters of SCSI are in its error log
    const argv = ['smartctl', '--json', '--nocheck=standby', ...asked, device];
    try {
      const { stdout } = await run(argv, { timeoutMs, maxOutputBytes: MAX_ANSWER_BYTES }, signal);
      return readAnswer(stdout);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CommandFailed)) throw error;
      if (isMissing(error)) return { kind: 'absent', why: error.message };
      if (error.exitCode === undefined) return { kind: 'hung', why: error.message };
      return readAnswer(error.stdout);
    }
  };

const isMissing = ({ cause }: CommandFailed): boolean => cause instanceof Error && 'code' in cause;

/** Reads the JSON of smartctl 7.0 and later, whatever its exit status. */
export function readAnswer(text: string): SmartAnswer {
  const answer = parsedObject(text);
  if (answer === undefined) return { kind: 'none', why: 'smartctl gave no JSON that can be read' };
  const messages = list(at(answer, 'smartctl', 'messages')).flatMap((each) => textAt(each, 'string') ?? []);
  if (messages.some((message) => ASLEEP.test(message))) return { kind: 'asleep' };
  const report = reportOf(answer);
  const says = Object.keys(report).some((field) => VERDICTS.has(field)) || report.failedAttributes.length > 0;
  return says ? { kind: 'report', report } : { kind: 'none', why: messages.join('; ') || 'it has no SMART' };
}

/** `Device is in STANDBY mode, exit(2)`: exit status 2 alone may also be a device that cannot be opened. */
const ASLEEP = /is in (?:STANDBY|SLEEP)\b.* mode/;
const VERDICTS: ReadonlySet<string> = new Set<keyof SmartReport>([
  'passed',
  'criticalWarning',
  'pendingSectors',
  'uncorrected',
]);

function reportOf(answer: unknown): SmartReport {
  const nvme = at(answer, 'nvme_smart_health_information_log');
  const attributes = list(at(answer, 'ata_smart_attributes', 'table'));
  const raw = (name: string): number | undefined =>
    countOf(attributes.find((each) => textAt(each, 'name') === name))(['raw', 'value']);
  const criticalWarning = countOf(nvme)(['critical_warning']);
  const passed = at(answer, 'smart_status', 'passed');
  return {
    ...present({
      model: textAt(answer, 'model_name') ?? textAt(answer, 'scsi_model_name'),
      serial: textAt(answer, 'serial_number'),
      // smartctl calls an NVMe disk failed for any of its warnings, one of its temperature among them.
      passed: criticalWarning === undefined && typeof passed === 'boolean' ? passed : undefined,
      criticalWarning,
      wornOnly: isWornOnly(nvme) ? (true as const) : undefined,
      pendingSectors: raw('Current_Pending_Sector'),
      uncorrected: countOf(nvme)(['media_errors']) ?? raw('Reported_Uncorrect') ?? uncorrectedOf(answer),
    }),
    failedAttributes: attributes
      .filter((each) => at(each, 'when_failed') === 'now' && at(each, 'flags', 'prefailure') === true)
      .flatMap((each) => textAt(each, 'name') ?? []),
  };
}

/** SCSI counts reads and writes apart, and some disks one of them alone. */
function uncorrectedOf(answer: unknown): number | undefined {
  const counts = ['read', 'write'].flatMap(
    (kind) => countOf(answer)(['scsi_error_counter_log', kind, 'total_uncorrected_errors']) ?? [],
  );
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

/** `0x04` of such a disk means no more than that its warranty has ended (smartmontools#537). */
function isWornOnly(nvme: unknown): boolean {
  const count = countOf(nvme);
  const [used, errors] = [count(['percentage_used']), count(['media_errors'])];
  const [spare, least] = [count(['available_spare']), count(['available_spare_threshold'])];
  if (used === undefined || spare === undefined || least === undefined) return false;
  return used >= 100 && errors === 0 && spare > least;
}

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (part, name) =>
      typeof part === 'object' && part !== null && Object.hasOwn(part, name)
        ? (part as Readonly<Record<string, unknown>>)[name]
        : undefined,
    value,
  );

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const textAt = (value: unknown, name: string): string | undefined => {
  const found = at(value, name);
  return typeof found === 'string' && found !== '' ? found : undefined;
};

/** A whole number from 0, or nothing: raw values of attributes are their makers' own, and some are negative. */
const countOf =
  (value: unknown) =>
  (path: readonly string[]): number | undefined => {
    const found = at(value, ...path);
    return typeof found === 'number' && Number.isInteger(found) && found >= 0 ? found : undefined;
  };
