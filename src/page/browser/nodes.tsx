import { useState } from 'preact/hooks';
import type { GroupRow, NodeDetail, NodeRow, Page, Sees, UnitRow } from '../wire.ts';
import { queryOf } from './api.ts';
import { Bar, count, FIRST, Heading, Key, Name, Num, Pager, Problem, Search, size, Table } from './parts.tsx';
import { linkTo } from './route.ts';
import { useLive } from './use-live.ts';
import { VolumeList } from './volumes.tsx';

const number = true as const;
const AMOUNTS = [
  ...[
    { title: 'Capacity', number },
    { title: 'Used', number },
    { title: 'Held', number },
  ],
  ...[{ title: 'Reserved', number }, { title: 'Free', number }, { title: 'Fill' }],
];
const COLUMNS = [
  { title: 'Node' },
  { title: 'Groups', number },
  { title: 'Disks', number },
  ...AMOUNTS,
  { title: 'Notes' },
];

export function Nodes() {
  const [place, setPlace] = useState(FIRST);
  const path = `nodes${queryOf({ search: place.search, continue: place.pages.at(-1) })}`;
  const { body, error } = useLive<Page<NodeRow>>(path);
  return (
    <>
      <Heading text="Nodes" />
      <Search
        label="Search nodes by node or group"
        value={place.search}
        onSearch={(search) => setPlace({ search, pages: [] })}
      />
      <Problem text={error} />
      {body && (
        <>
          <Pager page={body} place={place} what="node" total={body.all} onMove={setPlace} />
          <Key />
          <Table caption="Nodes with storage" columns={COLUMNS}>
            {body.rows.map((row) => (
              <tr key={row.name}>
                <Name>
                  <a href={linkTo('nodes', row.name)}>{row.name}</a>
                </Name>
                <Num>{row.groups}</Num>
                <Num>{row.units}</Num>
                <Amounts row={row} />
                <td class={row.notes.length > 0 ? 'bad' : undefined}>{row.notes.join('; ')}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </>
  );
}

const Amounts = ({ row }: { readonly row: Pick<NodeRow, 'capacity' | 'used' | 'held' | 'reserved' | 'free'> }) => (
  <>
    <Num>{size(row.capacity)}</Num>
    <Num>{size(row.used)}</Num>
    <Num>{size(row.held)}</Num>
    <Num>{size(row.reserved)}</Num>
    <Num>{size(row.free)}</Num>
    <td>
      <Bar {...row} />
    </td>
  </>
);

/** One node: what fills its groups, its disks for whole claims, and its volumes. */
export function NodeView({ name, sees }: { readonly name: string; readonly sees: Sees }) {
  const { body, error } = useLive<NodeDetail>(`nodes/${encodeURIComponent(name)}`);
  return (
    <>
      <Heading text={`Node ${name}`} />
      <Problem text={error} />
      {body && (
        <>
          {body.notes.length > 0 && <p class="bad">{body.notes.join('; ')}</p>}
          <p>
            {size(body.free)} of {size(body.capacity)} free, in {count(body.groups, 'volume group')} and{' '}
            {count(body.units, 'disk')} for whole claims.
          </p>
          <Key />
          <h2>Volume groups</h2>
          <Groups rows={body.groupRows} />
          {body.unitRows.length > 0 && (
            <>
              <h2>Disks and mount points</h2>
              <Units rows={body.unitRows} />
            </>
          )}
        </>
      )}
      <h2>Volumes</h2>
      {sees.volumes ? <VolumeList node={name} /> : <p class="soft">You may not list LocalVolumes, so none is shown.</p>}
    </>
  );
}

const GROUP_COLUMNS = [
  ...[{ title: 'Group' }, { title: 'Total', number }, { title: 'Observed', number }, { title: 'Recorded', number }],
  ...[
    { title: 'Taken', number },
    { title: 'Other', number },
    { title: 'Held', number },
  ],
  ...[{ title: 'Reserved', number }, { title: 'Free', number }, { title: 'Fill' }, { title: 'Notes' }],
];

const Groups = ({ rows }: { readonly rows: readonly GroupRow[] }) => (
  <>
    <p class="soft">
      Observed is what the node reports of volumes, recorded what LocalVolumes say. Taken counts each volume once, by
      the larger of both. Free = total − reserved − taken − other − held.
    </p>
    <Table caption="Volume groups, and what fills them" columns={GROUP_COLUMNS}>
      {rows.map((row) => (
        <tr key={row.name}>
          <Name>{row.name}</Name>
          {[row.total, row.observed, row.recorded, row.taken, row.other, row.held, row.reserved, row.free].map(
            (n, i) => (
              <Num key={i}>{size(n)}</Num>
            ),
          )}
          <td>
            <Bar capacity={row.total} used={row.taken + row.other} held={row.held} reserved={reservedOf(row)} />
          </td>
          <td class="words bad">{[row.cordoned ? 'cordoned' : '', row.trouble ?? ''].filter(Boolean).join('; ')}</td>
        </tr>
      ))}
    </Table>
  </>
);

/** Of a group that gets nothing new all is reserved, also what is used. */
const reservedOf = ({ total, reserved, taken, other, held }: GroupRow): number =>
  Math.max(0, Math.min(reserved, total - taken - other - held));

const UNIT_COLUMNS = [
  { title: 'Path' },
  { title: 'Kind' },
  { title: 'Size', number },
  { title: 'State' },
  { title: 'Notes' },
];

const Units = ({ rows }: { readonly rows: readonly UnitRow[] }) => (
  <Table caption="Disks and mount points for whole claims" columns={UNIT_COLUMNS}>
    {rows.map(({ path, kind, size: bytes, standing, volumes = [], trouble = '' }) => (
      <tr key={path}>
        <Name>{path}</Name>
        <td>{kind === 'Device' ? 'disk' : 'mount point'}</td>
        <Num>{size(bytes)}</Num>
        <td>
          {standing}
          {volumes.length > 0 && ` by ${volumes.join(', ')}`}
        </td>
        <td class="words bad">{trouble}</td>
      </tr>
    ))}
  </Table>
);
