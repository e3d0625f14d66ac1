import { expect, test } from 'vitest';
import { createAudience } from './audience.ts';

const quiet = (): void => {};

test('who throws is counted and logged; those after it, and the next change, are told all the same', () => {
  const logged: object[] = [];
  const audience = createAudience<string>({
    resource: 'nodes',
    log: { debug: quiet, info: quiet, warn: quiet, error: (fields) => void logged.push(fields) },
  });
  const told: string[] = [];
  const oh = new Error('oh');
  audience.subscribe(
    {
      changed: () => {
        throw oh;
      },
      deleted: () => {
        throw oh;
      },
    },
    [],
  );
  audience.subscribe({ changed: (now) => told.push(`+${now}`), deleted: (last) => told.push(`-${last}`) }, ['there']);
  audience.tell(() => [{ now: 'a' }, { before: 'b' }]);
  expect(told).toEqual(['+there', '+a', '-b']);
  expect(audience.errors()).toBe(2);
  expect(logged).toEqual([
    { resource: 'nodes', err: oh },
    { resource: 'nodes', err: oh },
  ]);
});

test('a change to the same is not told, unless nobody says what is the same', () => {
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  for (const [same, want] of [
    [(a: string, b: string) => a === b, []],
    [undefined, ['x']],
  ] as const) {
    const told: string[] = [];
    const audience = createAudience<string>({ resource: 'nodes', same, log });
    audience.subscribe({ changed: (now) => told.push(now) }, []);
    audience.tell(() => [{ before: 'x', now: 'x' }]);
    expect(told).toEqual(want);
  }
});
