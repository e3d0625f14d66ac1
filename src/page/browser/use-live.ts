import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { ask, CallFailed, type Answer } from './api.ts';

/** Who looks. */
export interface Session {
  readonly token: string;
  /** The token is not known any more. */
  readonly leave: (words: string) => void;
}

export const SessionContext = createContext<Session>({ token: '', leave: () => {} });

export interface Live<T> {
  /** As it was last said; undefined before the first answer. */
  readonly body: T | undefined;
  /** Why there is no newer one; empty when all is well. */
  readonly error: string;
}

/** So long after each answer it is asked again. Ms. */
const EVERY_MS = 5000;

/** What the API says at a path (empty: nothing is asked), asked again and again while the tab can be seen. */
export function useLive<T>(path: string): Live<T> {
  const { token, leave } = useContext(SessionContext);
  const [live, setLive] = useState<Live<T> & { readonly path: string }>({ body: undefined, error: '', path });
  const last = useRef<{ readonly path: string; readonly answer: Answer<T> }>(undefined);
  useEffect(() => {
    if (path === '') return undefined;
    const stopped = new AbortController();
    let timer = 0;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      if (document.hidden) return;
      const known = last.current?.path === path ? last.current.answer : undefined;
      try {
        const answer = await ask<T>(path, token, known, stopped.signal);
        last.current = { path, answer };
        setLive({ body: answer.body, error: '', path });
      } catch (error) {
        if (stopped.signal.aborted || !(error instanceof CallFailed)) return;
        if (error.status === 401) return leave(error.message);
        // What was said before stays while the operator is away; a refusal takes its place.
        const stays = error.status === 0 || error.status >= 500;
        const kept = (before: { path: string; body: T | undefined }) =>
          before.path === path ? before.body : undefined;
        setLive((before) => ({ body: stays ? kept(before) : undefined, error: error.message, path }));
      }
      timer = setTimeout(() => void look(), EVERY_MS);
    };
    const onSeen = (): void => void (document.hidden || look());
    document.addEventListener('visibilitychange', onSeen);
    void look();
    return () => {
      stopped.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onSeen);
    };
  }, [path, token]);
  if (live.path === path) return live;
  // Of the same list, what was shown stays until the other rows are there: buttons keep their focus.
  return { body: viewOf(live.path) === viewOf(path) ? live.body : undefined, error: '' };
}

const viewOf = (path: string): string => path.split('?')[0] ?? '';
