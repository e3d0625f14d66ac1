import path from 'node:path';
import { diskArguments, type Disk } from './disk.ts';
import type { Image } from './image.ts';

export interface Machine {
  readonly image: Image;
  /** Where its sockets and its own root disk are. */
  readonly dir: string;
  /** Ports of the guest by those of this machine's loopback that lead to them. */
  readonly forwards: ReadonlyMap<number, number>;
  readonly disks: readonly Disk[];
  readonly memoryMib: number;
  readonly cgroup: 'v1' | 'v2';
  readonly kvm: boolean;
  /** Room for translated code where the machine is emulated, MiB. */
  readonly translationMib: number;
}

/** Files in a machine's folder. */
export const FILES = {
  root: 'root.qcow2',
  token: 'token',
  console: 'console.log',
  shell: 'shell.sock',
  ready: 'ready.sock',
  qmp: 'qmp.sock',
} as const;

/** Kernel parameters that leave out self-checks: under software emulation each costs seconds of the boot. */
const KERNEL_LINE =
  'console=ttyS0 panic=-1 quiet loglevel=4 init_on_alloc=0 mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on ' +
  '8250.nr_uarts=1 cryptomgr.notests raid=noautodetect audit=0 selinux=0 apparmor=0 nowatchdog';

/** Pure: the command line of QEMU. It never writes to the image, and dies instead of rebooting. */
export function qemuArgv(machine: Machine): string[] {
  const { image, dir, forwards, disks, memoryMib, cgroup, kvm, translationMib } = machine;
  const at = (name: keyof typeof FILES): string => path.join(dir, FILES[name]);
  const cache = { direct: false, 'no-flush': true };
  const root = { driver: 'file', filename: at('root'), cache };
  return [
    ['qemu-system-x86_64'],
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-M', 'q35'],
    kvm ? VIRTUALISATION : emulation(translationMib),
    ['-smp', '2', '-m', String(memoryMib), '-rtc', 'base=utc,clock=host'],
    ['-kernel', image.kernel, '-initrd', image.initrd, '-append', `${KERNEL_LINE} node.cgroup=${cgroup}`],
    ['-fw_cfg', `name=opt/open-local/token,file=${at('token')}`],
    ['-chardev', `file,id=console,path=${at('console')},append=on`, '-serial', 'chardev:console'],
    ['-chardev', `socket,id=qmp,path=${at('qmp')}`, '-mon', 'chardev=qmp,mode=control'],
    ['-device', 'virtio-serial-pci'],
    ['-chardev', `socket,id=ready,path=${at('ready')}`, '-device', 'virtserialport,chardev=ready,name=ready'],
    ['-chardev', `socket,id=shell,path=${at('shell')},server=on,wait=off`, '-device', 'virtconsole,chardev=shell'],
    [
      '-netdev',
      ['user,id=net', ...[...forwards].map(([here, there]) => `hostfwd=tcp:127.0.0.1:${here}-:${there}`)].join(','),
    ],
    ['-device', 'virtio-net-pci,netdev=net,romfile='],
    ['-blockdev', JSON.stringify({ driver: 'qcow2', 'node-name': 'root', file: root, cache })],
    ['-device', 'virtio-blk-pci,drive=root,serial=root'],
    ['-device', 'virtio-scsi-pci,id=scsi0'],
    ...disks.map(diskArguments).map(({ blockdevs, device }) => [
      ...blockdevs.flatMap((node) => ['-blockdev', JSON.stringify(node)]),
      '-device',
      // A WWN has 64 bits; QEMU takes such numbers as text only over QMP.
      JSON.stringify(device).replace(/"wwn":"(0x[0-9a-f]+)"/, (_, wwn: string) => `"wwn":${BigInt(wwn)}`),
    ]),
  ].flat();
}

/**
 * Without ERMS and FSRM neither kernel nor libc copies by `rep movsb`, which is emulated byte by byte: copies take a
 * fifth of the time.
 */
const emulation = (translationMib: number): string[] => [
  ...['-accel', `tcg,thread=multi,tb-size=${translationMib}`],
  ...['-cpu', 'max,la57=off,erms=off,fsrm=off'],
];
/** A /dev/kvm that is there need not run a stock kernel (nested machines), so it is used only when asked for. */
const VIRTUALISATION = ['-accel', 'kvm', '-cpu', 'host'];
