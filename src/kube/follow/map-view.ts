/** A map seen through a function: nothing is copied, so that what is kept beside each value needs no second map. */
export function mapView<V, W>(map: ReadonlyMap<string, V>, see: (value: V) => W): ReadonlyMap<string, W> {
  function* entries(): MapIterator<[string, W]> {
    for (const [key, value] of map) yield [key, see(value)];
  }
  function* values(): MapIterator<W> {
    for (const value of map.values()) yield see(value);
  }
  const view: ReadonlyMap<string, W> = {
    get size() {
      return map.size;
    },
    get: (key) => {
      const value = map.get(key);
      return value === undefined ? undefined : see(value);
    },
    has: (key) => map.has(key),
    forEach: (tell) => {
      for (const [key, value] of entries()) tell(value, key, view);
    },
    keys: () => map.keys(),
    values,
    entries,
    [Symbol.iterator]: entries,
  };
  return view;
}
