import { present } from '../../src/model/present.ts';
import type { Stored } from './json.ts';
import { apiVersionOf, type Kind } from './kind.ts';
import type { Page } from './lists.ts';
import type { EventType, Version } from './version.ts';

/** How objects are written out for one request: whole, as another version's face, as metadata only, or as a table. */
export interface View {
  one(version: Version): Buffer;
  page(page: Page): Buffer;
  event(type: EventType, version: Version): Buffer;
}

/** Of a list. */
export const listMeta = (page: Page): object => ({
  resourceVersion: String(page.revision),
  ...(page.continue === '' ? {} : { continue: page.continue }),
  ...present({ remainingItemCount: page.remaining }),
});

/** Objects as they are stored. */
export function plainView(kind: Kind): View {
  const head = { kind: kind.listKind, apiVersion: apiVersionOf(kind) };
  return {
    one: (version) => version.json,
    event: (type, version) => version.line(type),
    page(page) {
      const start = JSON.stringify({ ...head, metadata: listMeta(page) });
      const chunks: Buffer[] = [Buffer.from(`${start.slice(0, -1)},"items":[`)];
      for (const [place, version] of page.versions.entries()) {
        if (place > 0) chunks.push(COMMA);
        if (kind.custom) chunks.push(version.json);
        else chunks.push(OPEN, version.bare);
      }
      chunks.push(END);
      return Buffer.concat(chunks);
    },
  };
}

const [COMMA, OPEN, END] = [',', '{', ']}'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

type Typed = { readonly apiVersion?: string; readonly kind?: string };

/** Objects turned into something else first, each time anew. */
export function mappedView(
  kind: Kind,
  map: (object: Stored) => Typed,
  list = { kind: kind.listKind, apiVersion: apiVersionOf(kind) },
): View {
  // Like those of all built-in kinds, the items of such a list carry no type.
  const item = (object: Typed): Typed => {
    const { apiVersion: _, kind: __, ...rest } = object;
    return kind.custom ? object : rest;
  };
  return {
    one: ({ object }) => json(map(object)),
    event: (type, { object }) => json({ type, object: map(object) }, '\n'),
    page: (page) =>
      json({ ...list, metadata: listMeta(page), items: page.versions.map(({ object }) => item(map(object))) }),
  };
}

const json = (value: unknown, end = ''): Buffer => Buffer.from(JSON.stringify(value) + end);
