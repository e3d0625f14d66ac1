/**
 * Takes a device number apart as glibc's gnu_dev_major and gnu_dev_minor do: 12 low bits of the major, 8 of the minor
 * in the middle.
 */
export function majorMinorOf(rdev: number): string {
  const value = BigInt(rdev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n);
  const minor = (value & 0xffn) | ((value >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
