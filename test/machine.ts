import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'vitest';

/** Things of the machine that a test may need beyond Node, each with a check. */
const NEEDS = {
  root: () => process.getuid?.() === 0,
  lvm2: () => runs('lvm', ['version']),
  cryptsetup: () => runs('cryptsetup', ['--version']),
  'loop devices': () => runs('losetup', ['--find']),
  qemu: () => runs('qemu-system-x86_64', ['--version']),
  'mkfs of ext4, xfs and btrfs': () =>
    runs('mkfs.ext4', ['-V']) && runs('mkfs.xfs', ['-V']) && runs('mkfs.btrfs', ['--version']),
  fuse: () => existsSync('/dev/fuse'),
  go: () => runs('go', ['version']),
  promtool: () => runs('promtool', ['--version']),
  prometheus: () => runs('prometheus', ['--version']),
  buf: () => existsSync(path.join(import.meta.dirname, '../node_modules/.bin/buf')),
  'cgroup v1': () => existsSync('/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device'),
} as const;

export type Need = keyof typeof NEEDS;

function runs(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, [...args], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns `test` for tests that need something of the machine. When it is missing the test is skipped with the reason
 * in its name, which the summary prints. In CI nothing may be missing: there the test fails.
 */
export function testOn(...needs: readonly Need[]): typeof test {
  const missing = needs.filter((need) => !NEEDS[need]());
  if (missing.length === 0) return test;
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['CI']) {
    return ((name: string) =>
      test(name, () => {
        throw new Error(`${reason}: in CI every test must run`);
      })) as typeof test;
  }
  return ((name: string) => test.skip(`${name} [${reason}]`, () => {})) as typeof test;
}
