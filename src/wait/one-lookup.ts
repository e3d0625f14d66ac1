import dns from 'node:dns';
import type { LookupFunction } from 'node:net';

/**
 * Looks names up as Node does, but no name twice at a time. A look-up has one of the process's four threads for as long
 * as the system waits for name servers, a minute and more where none answers, and nothing ends it: with four of them no
 * file could be read either.
 */
export function createOneLookup(lookup: LookupFunction = dns.lookup): LookupFunction {
  type Tell = Parameters<LookupFunction>[2];
  const waiting = new Map<string, Tell[]>();
  return (hostname, options, tell) => {
    const key = JSON.stringify([hostname, options]);
    const others = waiting.get(key);
    if (others) return void others.push(tell);
    const all = [tell];
    waiting.set(key, all);
    return lookup(hostname, options, (...answer) => {
      waiting.delete(key);
      for (const each of all) each(...answer);
    });
  };
}
