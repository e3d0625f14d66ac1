import { useState } from 'preact/hooks';
import type { Page, PodRow, Sees, Verdict } from '../wire.ts';
import { queryOf } from './api.ts';
import { FIRST, Heading, Name, Pager, Problem, Search, Table } from './parts.tsx';
import { linkTo } from './route.ts';
import { useLive } from './use-live.ts';
import { VerdictView } from './verdict.tsx';

const COLUMNS = [{ title: 'Pod' }, { title: 'Waits with' }, { title: 'Why, and what helps' }];

/** Pods that wait for room: of all namespaces, or of one, for whoever may see no more. */
export function Pods({ sees }: { readonly sees: Sees }) {
  const [place, setPlace] = useState(FIRST);
  const [namespace, setNamespace] = useState('');
  const query = queryOf({ namespace, search: place.search, continue: place.pages.at(-1) });
  const { body, error } = useLive<Page<PodRow>>(sees.pods || namespace !== '' ? `pods${query}` : '');
  return (
    <>
      <Heading text="Waiting pods" />
      {!sees.pods && <p>You may not list pods of all namespaces: name one.</p>}
      <Search
        label={sees.pods ? 'Only of namespace (its whole name)' : 'Namespace'}
        value={namespace}
        onSearch={(text) => {
          setNamespace(text.trim());
          setPlace(FIRST);
        }}
      />
      <Search label="Search pods by name" value={place.search} onSearch={(search) => setPlace({ search, pages: [] })} />
      <Problem text={error} />
      {body && (
        <>
          <Pager page={body} place={place} what="waiting pod" onMove={setPlace} />
          <Table caption="Pods that wait for room" columns={COLUMNS}>
            {body.rows.map((row) => (
              <PodLine key={`${row.namespace}/${row.name}`} row={row} />
            ))}
          </Table>
        </>
      )}
    </>
  );
}

const PodLine = ({ row }: { readonly row: PodRow }) => (
  <tr>
    <Name>
      <a href={linkTo('pods', row.namespace, row.name)}>
        {row.namespace}/{row.name}
      </a>
    </Name>
    <td>
      {row.asks.map((words) => (
        <div key={words}>{words}</div>
      ))}
    </td>
    <td class="words">
      {row.message ?? <span class="soft">Not told yet, or told to others that ask for the same: open it.</span>}
      {row.reason === undefined ? null : <span class="soft"> ({row.reason})</span>}
    </td>
  </tr>
);

/** One pod, judged now. */
export function PodView({ namespace, name }: { readonly namespace: string; readonly name: string }) {
  const [search, setSearch] = useState('');
  const path = `pods/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}${queryOf({ node: search })}`;
  const { body, error } = useLive<Verdict>(path);
  return (
    <>
      <Heading text={`Pod ${namespace}/${name}`} />
      <Problem text={error} />
      {body && <VerdictView verdict={body} search={search} onSearch={setSearch} />}
    </>
  );
}
