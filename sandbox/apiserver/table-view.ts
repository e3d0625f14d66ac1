import type { Stored } from './json.ts';
import { readPath } from './json-path.ts';
import type { Column, Kind } from './kind.ts';
import { listMeta, type View } from './views.ts';

const NAME: Column = { name: 'Name', type: 'string', format: 'name', jsonPath: '.metadata.name' };

/** Objects as rows, as `kubectl get` shows them: the name and the columns of the kind. */
export function tableView(kind: Kind, now: () => number): View {
  const columns = [NAME, ...kind.columns];
  const definitions = columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  const face = kind.faceOf?.fromStored ?? ((object: Stored) => object);
  const row = (object: Stored) => ({
    cells: columns.map((column) => cell(readPath(face(object), column.jsonPath), column, now())),
    object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
  });
  const table = (metadata: object, objects: readonly Stored[], head = definitions) => ({
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: head,
    rows: objects.map((object) => row(object)),
  });

  let begun = false;
  return {
    one: ({ object }) => bytes(table(listMetaOf(object), [object])),
    page: (page) =>
      bytes(
        table(
          listMeta(page),
          page.versions.map(({ object }) => object),
        ),
      ),
    event(type, { object }) {
      // Only the first event of a watch says what the columns are.
      const event = { type, object: table(listMetaOf(object), [object], begun ? [] : definitions) };
      begun = true;
      return Buffer.concat([bytes(event), NEWLINE]);
    },
  };
}

const listMetaOf = ({ metadata }: Stored): object => ({ resourceVersion: metadata.resourceVersion });
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const NEWLINE = Buffer.of(10);

/** A date is shown as an age. */
function cell(value: unknown, column: Column, now: number): unknown {
  if (value === undefined || value === null) return null;
  if (column.type === 'date') return typeof value === 'string' ? age(now - Date.parse(value)) : null;
  return value;
}

/** In the largest one or two units: 45s, 12m, 5h, 3d. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
