import { expect, test } from 'vitest';
import type { Handlers } from '../../kube/follow/audience.ts';
import { createPvsByHandle } from './pvs-by-handle.ts';
import type { PvView } from './views.ts';

const pv = (name: string, handle: string): PvView => ({
  facts: { name, handle, driver: 'local.csi.aliyun.com' },
  phase: 'Bound',
  keepsData: true,
  claim: { namespace: '', name: '' },
});

function start() {
  const views = new Map<string, PvView>();
  let handlers: Handlers<PvView> = {};
  const ofHandle = createPvsByHandle({
    get: (name) => views.get(name),
    subscribe: (all) => ((handlers = all), () => {}),
  });
  return {
    names: (handle: string) => ofHandle(handle).map(({ facts }) => facts.name),
    hear: (now: PvView): void => {
      const before = views.get(now.facts.name);
      views.set(now.facts.name, now);
      handlers.changed?.(now, before);
    },
    lose: (name: string): void => {
      const last = views.get(name);
      views.delete(name);
      if (last) handlers.deleted?.(last);
    },
  };
}

test('those of a volume are found, whatever their names, and told twice or not', () => {
  const pvs = start();
  pvs.hear(pv('v', 'v'));
  for (const _ of [1, 2]) pvs.hear(pv('by-hand', 'v'));
  pvs.hear(pv('other', 'w'));
  expect(pvs.names('v')).toEqual(['v', 'by-hand']);
  expect(pvs.names('w')).toEqual(['other']);
  expect(pvs.names('other')).toEqual([]);
});

test('one that is gone, or was made anew of another volume under its name, is of none any more', () => {
  const pvs = start();
  pvs.hear(pv('v', 'v'));
  pvs.hear(pv('by-hand', 'v'));
  pvs.hear(pv('by-hand', 'w'));
  expect([pvs.names('v'), pvs.names('w')]).toEqual([['v'], ['by-hand']]);
  pvs.hear(pv('v', 'w'));
  expect([pvs.names('v'), pvs.names('w')]).toEqual([[], ['by-hand', 'v']]);
  pvs.lose('by-hand');
  pvs.hear(pv('v', 'v'));
  expect([pvs.names('v'), pvs.names('w')]).toEqual([['v'], []]);
  pvs.lose('v');
  expect(pvs.names('v')).toEqual([]);
});

test('those that are no CSI volumes are not remembered', () => {
  const pvs = start();
  pvs.hear(pv('nfs', ''));
  expect(pvs.names('')).toEqual([]);
});
