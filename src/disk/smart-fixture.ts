/** Answers of smartctl 7.3 for tests, by its format: `smartctl --json --nocheck=standby -H -A -i DEVICE`. */

interface Message {
  readonly string: string;
  readonly severity: 'error' | 'warning' | 'information';
}

const answer = (exit_status: number, more: object, messages: readonly Message[] = []): string =>
  JSON.stringify({
    json_format_version: [1, 0],
    smartctl: {
      version: [7, 3],
      svn_revision: '5338',
      platform_info: 'x86_64-linux-6.1.0-18-amd64',
      build_info: '(local build)',
      argv: ['smartctl', '--json', '--nocheck=standby', '--health', '--attributes', '--info', '/dev/sdb'],
      ...(messages.length > 0 ? { messages } : {}),
      exit_status,
    },
    local_time: { time_t: 1_796_038_200, asctime: 'Mon Nov 30 11:30:00 2026 UTC' },
    ...more,
  });

const failure = (text: string): Message => ({ string: text, severity: 'error' });

interface Attribute {
  readonly value?: number;
  readonly thresh?: number;
  readonly raw?: number;
  readonly prefailure?: boolean;
  readonly when_failed?: '' | 'now' | 'past';
}

const attribute = (
  id: number,
  name: string,
  { value = 100, thresh = 0, raw = 0, prefailure = false, when_failed = '' }: Attribute,
) => ({
  ...{ id, name, value, worst: value, thresh, when_failed },
  flags: {
    ...{ value: prefailure ? 51 : 50, string: prefailure ? 'PO--CK ' : '-O--CK ', prefailure },
    ...{ updated_online: true, performance: false, error_rate: false, event_count: true, auto_keep: true },
  },
  raw: { value: raw, string: String(raw) },
});

const SATA = {
  device: { name: '/dev/sdb', info_name: '/dev/sdb [SAT]', type: 'sat', protocol: 'ATA' },
  model_family: 'Seagate Exos 7E8',
  model_name: 'ST4000NM000A-2HZ100',
  serial_number: 'WS20A1B2',
  in_smartctl_database: true,
  smart_support: { available: true, enabled: true },
};

/** A SATA disk; `attributes` in place of its own, by name. */
export const sata = (more: object = {}, attributes: Readonly<Record<string, Attribute>> = {}, exitStatus = 0): string =>
  answer(exitStatus, {
    ...SATA,
    smart_status: { passed: true },
    ata_smart_attributes: {
      revision: 10,
      table: [
        attribute(1, 'Raw_Read_Error_Rate', { value: 82, thresh: 44, raw: 164_512_312, prefailure: true }),
        attribute(5, 'Reallocated_Sector_Ct', { thresh: 10, prefailure: true, ...attributes['Reallocated_Sector_Ct'] }),
        attribute(9, 'Power_On_Hours', { value: 71, raw: 25_614 }),
        attribute(187, 'Reported_Uncorrect', attributes['Reported_Uncorrect'] ?? {}),
        attribute(190, 'Airflow_Temperature_Cel', {
          value: 64,
          raw: 639_107_108,
          ...attributes['Airflow_Temperature_Cel'],
        }),
        attribute(197, 'Current_Pending_Sector', attributes['Current_Pending_Sector'] ?? {}),
      ],
    },
    power_on_time: { hours: 25_614 },
    temperature: { current: 36 },
    ...more,
  });

/** SMART STATUS says that the disk fails, and an attribute says why: bits 3 and 4 of the exit status. */
export const FAILING_SATA = sata(
  { smart_status: { passed: false } },
  { Reallocated_Sector_Ct: { value: 5, raw: 3912, when_failed: 'now' } },
  8 + 16,
);

type NvmeCount = 'critical_warning' | 'media_errors' | 'percentage_used' | 'available_spare';

/** An NVMe disk; smartctl says `passed: false` and sets bit 3 of its exit status for any of the warnings. */
export const nvme = (log: Partial<Record<NvmeCount, number>> = {}): string => {
  const value = log.critical_warning ?? 0;
  return answer(value === 0 ? 0 : 8, {
    device: { name: '/dev/nvme0n1', info_name: '/dev/nvme0n1', type: 'nvme', protocol: 'NVMe' },
    model_name: 'SAMSUNG MZQL23T8HCLS-00A07',
    serial_number: 'S64HNE0R512345',
    smart_status: { passed: value === 0, nvme: { value } },
    nvme_smart_health_information_log: {
      ...{ critical_warning: 0, temperature: 38, available_spare: 100, available_spare_threshold: 10 },
      ...{ percentage_used: 12, data_units_read: 41_234_567, media_errors: 0, num_err_log_entries: 17, ...log },
    },
    temperature: { current: 38 },
  });
};

/** A SAS disk, whose JSON has no attributes. */
export const sas = (passed: boolean, uncorrected: { readonly read?: number; readonly write?: number } = {}): string =>
  answer(passed ? 0 : 8, {
    device: { name: '/dev/sdc', info_name: '/dev/sdc', type: 'scsi', protocol: 'SCSI' },
    scsi_vendor: 'SEAGATE',
    scsi_product: 'ST4000NM0023',
    scsi_model_name: 'SEAGATE ST4000NM0023',
    serial_number: 'Z1Z0ABCD',
    smart_support: { available: true, enabled: true },
    smart_status: passed
      ? { passed }
      : { passed, scsi: { asc: 93, ascq: 16, ie_string: 'HARDWARE IMPENDING FAILURE GENERAL HARD DRIVE FAILURE' } },
    scsi_grown_defect_list: 2,
    scsi_error_counter_log: Object.fromEntries(
      Object.entries(uncorrected).map(([kind, total_uncorrected_errors]) => [
        kind,
        { total_errors_corrected: 165_635, gigabytes_processed: '53726.001', total_uncorrected_errors },
      ]),
    ),
  });

/** A disk of virtio, and a loop device. */
export const VIRTIO = answer(1, {}, [failure('/dev/vda: Unable to detect device type')]);

/** A disk of VMware or of a RAID controller. */
export const WITHOUT_SMART = answer(4, {
  device: { name: '/dev/sda', info_name: '/dev/sda', type: 'scsi', protocol: 'SCSI' },
  scsi_vendor: 'VMware',
  scsi_product: 'Virtual disk',
  smart_support: { available: false },
});

/** It is spun down, and stays so. */
export const STANDBY = answer(2, { device: SATA.device }, [
  { string: 'Device is in STANDBY mode, exit(2)', severity: 'information' },
]);

/** The same exit status, and another cause. */
export const CANNOT_OPEN = answer(2, {}, [failure('Smartctl open device: /dev/sdb failed: No such device')]);
