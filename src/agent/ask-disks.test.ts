import { expect, test } from 'vitest';
import { silentLog } from '../model/log.ts';
import { askNowAndThen } from './ask-disks.ts';

test('what is new is told, a round that fails is told too, and what is not new is not', async () => {
  for (const outcome of ['new', 'old', 'fails'] as const) {
    const told: string[] = [];
    const stop = new AbortController();
    const ended = Promise.withResolvers<void>();
    const tell = (what: string): void => {
      told.push(what);
      ended.resolve();
    };
    const ask = async (): Promise<boolean> => {
      if (outcome === 'fails') throw new Error('no process can be started');
      if (outcome === 'old') ended.resolve();
      return outcome === 'new';
    };
    const log = { ...silentLog, warn: (_: object, message: string) => tell(message) };
    const running = askNowAndThen({ ask }, { onNews: () => tell('news'), log, random: () => 0 }, stop.signal);
    await ended.promise;
    stop.abort();
    await running;
    const fails = ['disks could not be asked for their SMART'];
    expect([outcome, told]).toEqual([outcome, { new: ['news'], old: [], fails }[outcome]]);
  }
});
