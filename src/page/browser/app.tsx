import { useState } from 'preact/hooks';
import type { Me, Overview, Sees } from '../wire.ts';
import { Nodes, NodeView } from './nodes.tsx';
import { Bar, Heading, Key, Problem, size } from './parts.tsx';
import { Pods, PodView } from './pods.tsx';
import { linkTo, useRoute, type Route } from './route.ts';
import { SessionContext, useLive } from './use-live.ts';
import { Volumes } from './volumes.tsx';
import { WhatIf } from './what-if.tsx';

/** The token stays until the tab is closed, and goes nowhere but to the operator. */
const KEPT_AS = 'open-local-token';

export function App() {
  const [token, setToken] = useState(sessionStorage.getItem(KEPT_AS) ?? '');
  const [words, setWords] = useState('');
  const take = (given: string, said = ''): void => {
    if (given === '') sessionStorage.removeItem(KEPT_AS);
    else sessionStorage.setItem(KEPT_AS, given);
    setToken(given);
    setWords(said);
  };
  if (token === '') return <LogIn words={words} onToken={take} />;
  return (
    <SessionContext.Provider value={{ token, leave: (said) => take('', said) }}>
      <Frame onLeave={() => take('')} />
    </SessionContext.Provider>
  );
}

function LogIn({ words, onToken }: { readonly words: string; readonly onToken: (token: string) => void }) {
  const [text, setText] = useState('');
  return (
    <main id="main">
      <Heading text="Log in" />
      <Problem text={words} />
      <p>
        Give a token of Kubernetes: of your identity provider, or of a ServiceAccount by{' '}
        <code>kubectl create token NAME</code>. You see what it may list. It is forgotten when this tab is closed.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== '') onToken(text.trim());
        }}
      >
        <label>
          Token
          <input
            type="password"
            required
            autocomplete="off"
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Look</button>
      </form>
    </main>
  );
}

const VIEWS: readonly (readonly [part: string, title: string])[] = [
  ['', 'Overview'],
  ['nodes', 'Nodes'],
  ['volumes', 'Volumes'],
  ['pods', 'Waiting pods'],
  ['what-if', 'What if'],
];

function Frame({ onLeave }: { readonly onLeave: () => void }) {
  const route = useRoute();
  const { body: me, error } = useLive<Me>('me');
  const [here = ''] = route.parts;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <header>
        <p>
          <strong>open-local</strong>
        </p>
        <nav aria-label="Views">
          <ul>
            {VIEWS.map(([part, title]) => (
              <li key={part}>
                <a href={part === '' ? '#/' : linkTo(part)} aria-current={part === here ? 'page' : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <p class="who">{me?.user}</p>
        <button type="button" onClick={onLeave}>
          Log out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        <Problem text={me ? '' : error} />
        {me && <View route={route} sees={me.sees} />}
      </main>
    </>
  );
}

function View({ route: { parts }, sees }: { readonly route: Route; readonly sees: Sees }) {
  const [view = '', first, second] = parts;
  if (view === 'nodes') return first === undefined ? <Nodes /> : <NodeView key={first} name={first} sees={sees} />;
  if (view === 'volumes') return <Volumes />;
  if (view === 'pods' && first !== undefined && second !== undefined)
    return <PodView key={`${first}/${second}`} namespace={first} name={second} />;
  if (view === 'pods') return <Pods sees={sees} />;
  return view === 'what-if' ? <WhatIf sees={sees} /> : <OverviewView />;
}

function OverviewView() {
  const { body, error } = useLive<Overview>('overview');
  const { nodes, volumes, pods } = body ?? {};
  return (
    <>
      <Heading text="Overview" />
      <Problem text={error} />
      {nodes && (
        <>
          <p>
            {size(nodes.room.free)} of {size(nodes.room.capacity)} free: {size(nodes.room.used)} used,{' '}
            {size(nodes.room.held)} held for pods that are being placed, {size(nodes.room.reserved)} reserved.
          </p>
          <Bar {...nodes.room} />
          <Key />
        </>
      )}
      {body && (
        <ul class="cards">
          <Card title="Nodes" link="nodes" n={nodes?.count} note={nodes && noted(nodes.noted, 'to be looked at')} />
          <Card
            title="Volumes"
            link="volumes"
            n={volumes?.count}
            note={volumes && noted(volumes.notReady, 'not ready')}
          />
          <Card title="Waiting pods" link="pods" n={pods?.waiting} note="" />
        </ul>
      )}
    </>
  );
}

const noted = (n: number, what: string): string => (n === 0 ? '' : `${n.toLocaleString('en')} ${what}`);

interface CardProps {
  readonly title: string;
  readonly link: string;
  /** Undefined for what may not be seen. */
  readonly n: number | undefined;
  readonly note: string | undefined;
}

const Card = ({ title, link, n, note }: CardProps) => (
  <li>
    <a href={linkTo(link)}>{title}</a>
    {n === undefined ? <p class="soft">You may not list them.</p> : <strong>{n.toLocaleString('en')}</strong>}
    {note ? <span class="bad">{note}</span> : null}
  </li>
);
