import { describe } from 'vitest';
import { applies } from './applies.ts';
import { createWorkbench, type Subject } from './workbench.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { deletions } from './deletions.ts';
import { lists } from './lists.ts';
import { officialClient } from './official-client.ts';
import { requests } from './requests.ts';
import { scales } from './scales.ts';
import { schemas } from './schemas.ts';
import { watches } from './watches.ts';
import { writes } from './writes.ts';

/**
 * Defines tests of everything that open-local relies on in an API server. They ask only for what Kubernetes promises,
 * leave nothing behind, and assume neither an empty server nor controllers: the in-memory server and a real one must
 * both pass. `subject` is called when the tests run.
 */
export function apiConformance(subject: () => Subject): void {
  const workbench = createWorkbench(subject);
  describe('writes', () => {
    writes(workbench);
  });
  describe('deletions', () => {
    deletions(workbench);
  });
  describe('lists', () => {
    lists(workbench);
  });
  describe('watches', () => {
    watches(workbench);
  });
  describe('server-side apply', () => {
    applies(workbench);
  });
  describe('schemas', () => {
    schemas(workbench);
  });
  describe('scales', () => {
    scales(workbench);
  });
  describe('built-in kinds', () => {
    builtInKinds(workbench);
  });
  describe('requests', () => {
    requests(workbench);
  });
  describe('the official client', () => {
    officialClient(workbench);
  });
}
