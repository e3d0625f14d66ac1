const ROUNDS = 64;
const PRIMES = firstPrimes(ROUNDS);
/**
 * FIPS 180-4 §4.2.2 and §5.3.3: the first 32 bits of the fractional parts of cube and square roots of the first primes.
 */
const ROUND_CONSTANTS = PRIMES.map((prime) => fraction32(Math.cbrt(prime)));
const INITIAL = PRIMES.slice(0, 8).map((prime) => fraction32(Math.sqrt(prime)));

/** FIPS 180-4 §6.2 in hexadecimal. Here because deciding code imports no platform, and runs in one synchronous step. */
export function sha256(text: string): string {
  const message = new TextEncoder().encode(text);
  const padded = new DataView(new ArrayBuffer(Math.ceil((message.length + 9) / 64) * 64));
  message.forEach((byte, i) => padded.setUint8(i, byte));
  padded.setUint8(message.length, 0x80);
  padded.setUint32(padded.byteLength - 4, message.length * 8);

  const hash = [...INITIAL];
  for (let block = 0; block < padded.byteLength; block += 64) compress(hash, padded, block);
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

function compress(hash: number[], message: DataView, block: number): void {
  const w = schedule(message, block);
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let t = 0; t < ROUNDS; t += 1) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + (ROUND_CONSTANTS[t] ?? 0) + (w[t] ?? 0)) | 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (hash[i] = ((hash[i] ?? 0) + word) | 0));
}

function schedule(message: DataView, block: number): Int32Array {
  const w = new Int32Array(ROUNDS);
  const at = (t: number): number => w[t] ?? 0;
  for (let t = 0; t < 16; t += 1) w[t] = message.getInt32(block + t * 4);
  for (let t = 16; t < ROUNDS; t += 1) {
    const s0 = rotate(at(t - 15), 7) ^ rotate(at(t - 15), 18) ^ (at(t - 15) >>> 3);
    const s1 = rotate(at(t - 2), 17) ^ rotate(at(t - 2), 19) ^ (at(t - 2) >>> 10);
    w[t] = at(t - 16) + s0 + at(t - 7) + s1;
  }
  return w;
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

function fraction32(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}
