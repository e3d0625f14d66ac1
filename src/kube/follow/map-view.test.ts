import { expect, test } from 'vitest';
import { mapView } from './map-view.ts';

test('a view answers as a map of what is seen would, also after the map has changed', () => {
  const map = new Map([['a', { seen: 1 }]]);
  const view = mapView(map, ({ seen }) => seen);
  for (const more of ['b', 'c']) {
    map.set(more, { seen: map.size + 1 });
    const want = new Map([...map].map(([key, { seen }]) => [key, seen]));
    expect([...view]).toEqual([...want]);
    expect([...view.entries()]).toEqual([...want]);
    expect([...view.keys()]).toEqual([...want.keys()]);
    expect([...view.values()]).toEqual([...want.values()]);
    expect([view.size, view.get(more), view.has(more)]).toEqual([want.size, want.get(more), true]);
    expect([view.get('z'), view.has('z')]).toEqual([undefined, false]);
    const told: [number, string][] = [];
    view.forEach((value, key) => told.push([value, key]));
    expect(told).toEqual([...want].map(([key, value]) => [value, key]));
  }
});
