import { describe } from 'vitest';
import { applies } from './applies.ts';
import { createBench, type Subject } from './workbench.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { deletions } from './deletions.ts';
import { lists } from './lists.ts';
import { requests } from './requests.ts';
import { schemas } from './schemas.ts';
import { watches } from './watches.ts';
import { writes } from './writes.ts';

/**
 * What we rely on in an API server. It asks only for what Kubernetes promises, leaves nothing behind, and assumes neither an empty server
 * nor controllers, so the same questions go to the one in memory and to a real one. `subject` is asked when the tests run.
 */
export function apiConformance(subject: () => Subject): void {
  const bench = createBench(subject);
  describe('writes', () => {
    writes(bench);
  });
  describe('deletions', () => {
    deletions(bench);
  });
  describe('lists', () => {
    lists(bench);
  });
  describe('watches', () => {
    watches(bench);
  });
  describe('server-side apply', () => {
    applies(bench);
  });
  describe('schemas', () => {
    schemas(bench);
  });
  describe('built-in kinds', () => {
    builtInKinds(bench);
  });
  describe('requests', () => {
    requests(bench);
  });
}
