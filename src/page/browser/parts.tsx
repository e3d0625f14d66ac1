import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { bytes, formatBytes } from '../../model/bytes.ts';
import type { Page } from '../wire.ts';

/** A size in the units of people; what was more than there is shows as less than nothing. */
export const size = (n: number): string => `${n < 0 ? '−' : ''}${formatBytes(bytes(Math.abs(Math.round(n))))}`;

export const count = (n: number, what: string): string => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

/** The heading of a view: it gets the focus when the view is new, so that a screen reader says where one is. */
export function Heading({ text }: { readonly text: string }) {
  const own = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${text} · open-local`;
    own.current?.focus();
  }, [text]);
  return (
    // Another heading is another element: focus that stays where it is says nothing.
    <h1 key={text} ref={own} tabIndex={-1}>
      {text}
    </h1>
  );
}

export const Problem = ({ text }: { readonly text: string }) => (text === '' ? null : <p role="alert">{text}</p>);

interface Filled {
  readonly capacity: number;
  readonly used: number;
  readonly held: number;
  readonly reserved: number;
}

/** What the numbers beside it say, as a picture. */
export function Bar({ capacity, used, held, reserved }: Filled) {
  const all = Math.max(capacity, used + held + reserved, 1);
  const width = (n: number): number => (n / all) * 100;
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="free" width="100" height="8" />
      <rect class="used" width={width(used)} height="8" />
      <rect class="held" x={width(used)} width={width(held)} height="8" />
      <rect class="reserved" x={width(used + held)} width={width(reserved)} height="8" />
    </svg>
  );
}

/** What the colours of bars mean. */
export const Key = () => (
  <ul class="key" aria-label="Colours of the bars">
    {['used', 'held', 'reserved', 'free'].map((name) => (
      <li key={name}>
        <svg viewBox="0 0 8 8" aria-hidden="true">
          <rect class={name} width="8" height="8" />
        </svg>
        {name}
      </li>
    ))}
  </ul>
);

export interface Column {
  readonly title: string;
  readonly number?: true;
}

/** A table in a region that can be moved by keyboard where it is wider than the screen. The first cell names the row. */
export function Table({
  caption,
  columns,
  children,
}: {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly children: ComponentChildren;
}) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, number }) => (
              <th key={title} scope="col" class={number && 'number'}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export const Name = ({ children }: { readonly children: ComponentChildren }) => <th scope="row">{children}</th>;
export const Num = ({ children }: { readonly children: ComponentChildren }) => <td class="number">{children}</td>;

/** A search that is applied a moment after the last key, or by Enter. */
export function Search({
  label,
  value,
  onSearch,
}: {
  readonly label: string;
  readonly value: string;
  readonly onSearch: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onSearch(text), 400);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <form
      role="search"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(text);
      }}
    >
      <label>
        {label}
        <input type="search" value={text} maxLength={320} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
    </form>
  );
}

/** Where in a list one is: the tokens of the pages before this one. */
export interface Place {
  readonly search: string;
  readonly pages: readonly string[];
}

export const FIRST: Place = { search: '', pages: [] };

/** What is shown of a list, said aloud when it changes, and the way to the other rows. */
export function Pager<R>({
  page,
  place,
  what,
  total,
  onMove,
}: {
  readonly page: Page<R>;
  readonly place: Place;
  readonly what: string;
  /** How many there are without a search; absent: nobody counts them. */
  readonly total?: number;
  readonly onMove: (place: Place) => void;
}) {
  const { continue: next } = page;
  const { pages } = place;
  return (
    <div class="pager">
      <p aria-live="polite">{shownOf(page, place, what, total)}</p>
      <button
        type="button"
        disabled={pages.length === 0}
        onClick={() => onMove({ ...place, pages: pages.slice(0, -1) })}
      >
        Previous
      </button>
      <button
        type="button"
        disabled={next === undefined}
        onClick={() => next !== undefined && onMove({ ...place, pages: [...pages, next] })}
      >
        Next
      </button>
    </div>
  );
}

const PAGE_ROWS = 100;

function shownOf<R>({ rows }: Page<R>, { search, pages }: Place, what: string, total: number | undefined): string {
  if (rows.length === 0) return search === '' ? `No ${what}s.` : `No ${what} has “${search}” in its names.`;
  const first = pages.length * PAGE_ROWS + 1;
  const range = rows.length === 1 ? `${what} ${first}` : `${what}s ${first} to ${first + rows.length - 1}`;
  const all = total === undefined ? '' : ` of ${total.toLocaleString('en')}`;
  return `Shown: ${range}${search === '' ? all : ' of those found'}.`;
}
