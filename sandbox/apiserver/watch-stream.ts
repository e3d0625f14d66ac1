import { present } from '../../src/model/present.ts';
import type { ServerResponse } from 'node:http';
import { ApiFailure, statusOf } from './failure.ts';
import type { TroublePlan } from './troubles.ts';
import { apiVersionOf } from './kind.ts';
import type { Route } from './route.ts';
import type { View } from './views.ts';
import { startWatch, type WatchStart } from './watch.ts';

export interface Stream {
  readonly route: Route;
  readonly start: WatchStart;
  readonly view: View;
  readonly bookmarks: boolean;
  /** Ends the stream properly after so long. */
  readonly timeoutMs: number;
  readonly bookmarkMs: number;
  /** The last write there was. */
  readonly revision: () => number;
  readonly plan: TroublePlan;
}

/** A reader that lags this far behind, in bytes, is cut off. */
const BACKLOG = 64 * 1024 * 1024;

/** Answers a watch: one event a line, until the time is up, a trouble ends it, or the client goes. */
export function streamWatch(response: ServerResponse, stream: Stream): void {
  const { route, start, view, plan } = stream;
  let silent = false;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const write = (line: Buffer | string) => {
    if (silent || response.writableEnded) return;
    response.write(line);
    if (response.writableLength > BACKLOG) response.destroy();
  };
  const line = (type: string, object: unknown) => write(`${JSON.stringify({ type, object })}\n`);
  const bookmark = (annotations?: object) => {
    const metadata = {
      resourceVersion: String(stream.revision()),
      ...present({ annotations }),
    };
    if (stream.bookmarks) line('BOOKMARK', { kind: route.kind.kind, apiVersion: apiVersionOf(route.kind), metadata });
  };

  const close: (() => void)[] = [];
  response.on('close', () => {
    for (const one of close) one();
  });
  const end = () => {
    bookmark();
    if (!silent) response.end();
  };
  const { socket } = response;
  close.push(plan.opened({ route, end, reset: () => socket?.resetAndDestroy(), silence: () => (silent = true) }));
  const timers = [setTimeout(end, stream.timeoutMs), setInterval(bookmark, stream.bookmarkMs)];
  close.push(() => timers.forEach((timer) => clearTimeout(timer)));

  try {
    close.push(startWatch(start, { event: (type, version) => write(view.event(type, version)) }));
    if (start.after === undefined) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    line('ERROR', statusOf(error));
    response.end();
  }
}
