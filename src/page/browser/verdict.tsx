import type { Verdict, VerdictRow } from '../wire.ts';
import { count, Name, Num, Search, size, Table } from './parts.tsx';
import { linkTo } from './route.ts';

const number = true as const;
const COLUMNS = [
  ...[{ title: 'Node' }, { title: 'Room' }, { title: 'Score', number }],
  ...[{ title: 'Lacks', number }, { title: 'In' }, { title: 'Why not' }],
];

/** Where a pod could go, and why not there. */
export function VerdictView({
  verdict,
  search,
  onSearch,
}: {
  readonly verdict: Verdict;
  readonly search: string;
  readonly onSearch: (text: string) => void;
}) {
  const { nodes, fits, message, reason, rows, more } = verdict;
  return (
    <>
      <div aria-live="polite">
        <p>
          {fits === 0 ? 'None' : fits.toLocaleString('en')} of {count(nodes, 'node')} may have it and{' '}
          {fits === 1 ? 'has' : 'have'} room.
        </p>
        {message !== undefined && (
          <p>
            {message} <span class="soft">({reason})</span>
          </p>
        )}
      </div>
      <Search label="Search nodes: why not there" value={search} onSearch={onSearch} />
      {rows === undefined ? (
        <p class="soft">You may not list NodeLocalStorages, so no node is shown.</p>
      ) : (
        <Table
          caption={`Nodes, the best first${more > 0 ? `; ${count(more, 'more node')} can be searched for` : ''}`}
          columns={COLUMNS}
        >
          {rows.map((row) => (
            <VerdictLine key={row.node} row={row} />
          ))}
        </Table>
      )}
      <p class="soft">
        The score is what open-local tells kube-scheduler, from 0 to 10. CPU, memory and all else are weighed by
        kube-scheduler alone.
      </p>
    </>
  );
}

const VerdictLine = ({ row }: { readonly row: VerdictRow }) => (
  <tr>
    <Name>
      <a href={linkTo('nodes', row.node)}>{row.node}</a>
    </Name>
    <td class={row.fits ? 'good' : undefined}>{row.fits ? 'has room' : 'no'}</td>
    <Num>{row.score ?? ''}</Num>
    <Num>{row.lacks ? size(row.lacks) : ''}</Num>
    <td>{row.where ?? ''}</td>
    <td class="words">{row.obstacle}</td>
  </tr>
);
