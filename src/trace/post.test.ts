import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, LookupFunction } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createOneLookup } from '../wait/one-lookup.ts';
import { createPoster } from './post.ts';

test('a collector whose name no server resolves takes one thread, however often it is tried', async () => {
  const server = createServer((_, response) => void response.end('{}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked: Parameters<LookupFunction>[2][] = [];
  const lookup = createOneLookup((_, __, tell) => void asked.push(tell));
  const { port } = server.address() as AddressInfo;
  const poster = createPoster(new URL(`http://collector.example:${port}/v1/traces`), lookup);
  onTestFinished(() => {
    poster.close();
    server.close();
  });
  for (let tries = 0; tries < 6; tries += 1) {
    const given = new AbortController();
    const posted = poster.post('{}', given.signal);
    await nextTurn();
    given.abort(new Error('too late'));
    await expect(posted).rejects.toMatchObject({ name: 'AbortError' });
  }
  expect(asked).toHaveLength(1);
  const posted = poster.post('{}', AbortSignal.timeout(10_000));
  await nextTurn();
  asked[0]?.(null, [{ address: '127.0.0.1', family: 4 }]);
  expect(await posted).toEqual({ status: 200, body: '{}' });
});
