import { useState } from 'preact/hooks';
import type { VolumeSummary } from '../../model/volume-summary.ts';
import type { Page } from '../wire.ts';
import { queryOf } from './api.ts';
import { FIRST, Heading, Name, Num, Pager, Problem, Search, size, Table } from './parts.tsx';
import { linkTo } from './route.ts';
import { useLive } from './use-live.ts';

const COLUMNS = [
  ...[{ title: 'Volume' }, { title: 'Claim' }, { title: 'Node' }, { title: 'Place' }],
  ...[{ title: 'Size', number: true as const }, { title: 'State' }],
];

/** Volumes of the cluster, or of one node; searched and read page by page. */
export function VolumeList({ node }: { readonly node?: string }) {
  const [place, setPlace] = useState(FIRST);
  const path = `volumes${queryOf({ node, search: place.search, continue: place.pages.at(-1) })}`;
  const { body, error } = useLive<Page<VolumeSummary>>(path);
  return (
    <>
      <Search
        label="Search volumes by volume, claim, node or place"
        value={place.search}
        onSearch={(search) => setPlace({ search, pages: [] })}
      />
      <Problem text={error} />
      {body && (
        <>
          <Pager
            page={body}
            place={place}
            what="volume"
            {...(node === undefined && { total: body.all })}
            onMove={setPlace}
          />
          <Table caption={node === undefined ? 'Volumes by claim' : `Volumes on ${node}`} columns={COLUMNS}>
            {body.rows.map((row) => (
              <VolumeLine key={row.name} row={row} />
            ))}
          </Table>
        </>
      )}
    </>
  );
}

const VolumeLine = ({ row }: { readonly row: VolumeSummary }) => (
  <tr>
    <Name>
      {row.name}
      {row.role === 'Volume' ? null : <span class="soft"> {row.role}</span>}
    </Name>
    <td>{row.claim ?? <span class="soft">none</span>}</td>
    <td>
      <a href={linkTo('nodes', row.node)}>{row.node}</a>
    </td>
    <td>{row.place}</td>
    <Num>
      {size(row.size)}
      {row.provided === undefined ? null : <span class="soft"> (has {size(row.provided)})</span>}
    </Num>
    <td class="words">
      {row.deleting ? 'being deleted' : row.phase}
      {row.progress === undefined ? null : `, ${row.progress} %`}
      {row.limits === undefined ? null : <span class="soft"> {row.limits}</span>}
      {row.faults.map(({ kind, reason, message }) => (
        <div key={reason} class="bad">
          {kind} ({reason}): {message}
        </div>
      ))}
    </td>
  </tr>
);

export const Volumes = () => (
  <>
    <Heading text="Volumes" />
    <VolumeList />
  </>
);
