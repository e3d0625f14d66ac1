import { expect, test } from 'vitest';
import { runComponents, type Component } from './lifecycle.ts';
import { silentLog } from '../model/log.ts';

const options = { log: silentLog, stopMs: 1000 };

function recorded(events: string[], name: string, own: Partial<Component> = {}): Component {
  return {
    name,
    start: async () => void events.push(`start ${name}`),
    stop: async () => void events.push(`stop ${name}`),
    ...own,
  };
}

test('starts in order, stops in reverse when told to', async () => {
  const events: string[] = [];
  const stop = new AbortController();
  const last = recorded(events, 'c', { start: async () => stop.abort() });
  await runComponents([recorded(events, 'a'), recorded(events, 'b'), last], options, stop.signal);
  expect(events).toEqual(['start a', 'start b', 'stop c', 'stop b', 'stop a']);
});

test('a part that cannot start ends the process, after the others have stopped', async () => {
  const events: string[] = [];
  const bad = recorded(events, 'bad', { start: () => Promise.reject(new Error('no socket')) });
  const run = runComponents([recorded(events, 'a'), bad, recorded(events, 'c')], options, new AbortController().signal);
  await expect(run).rejects.toThrow('no socket');
  expect(events).toEqual(['start a', 'stop bad', 'stop a']);
});

test('a part that fails while running ends the process', async () => {
  const events: string[] = [];
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const leader = recorded(events, 'leader', { failed });
  const last = recorded(events, 'z', { start: async () => reject(new Error('the lease is lost')) });
  await expect(runComponents([leader, last], options, new AbortController().signal)).rejects.toThrow('lease is lost');
  expect(events).toEqual(['start leader', 'stop z', 'stop leader']);
});

test('told to stop while a part is still starting, it does not wait for that part', async () => {
  const events: string[] = [];
  const stop = new AbortController();
  const slow = recorded(events, 'slow', {
    start: () => {
      stop.abort();
      return new Promise(() => {});
    },
  });
  await runComponents([recorded(events, 'a'), slow, recorded(events, 'c')], options, stop.signal);
  expect(events).toEqual(['start a', 'stop slow', 'stop a']);
});

test('a part that hangs or fails while stopping does not keep the others', async () => {
  const events: string[] = [];
  const hangs = recorded(events, 'hangs', { stop: () => new Promise(() => {}) });
  const fails = recorded(events, 'fails', { stop: () => Promise.reject(new Error('busy')) });
  const stop = new AbortController();
  const last = recorded(events, 'z', { start: async () => stop.abort() });
  await runComponents([recorded(events, 'a'), hangs, fails, last], { ...options, stopMs: 5 }, stop.signal);
  expect(events.slice(-2)).toEqual(['stop z', 'stop a']);
});
