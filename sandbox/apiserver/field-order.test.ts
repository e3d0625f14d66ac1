import { expect, test } from 'vitest';
import { inAlphabet, inStructOrder } from './field-order.ts';

test('a pod is written in the order of its Go structs, whatever order it was sent in', () => {
  const sent = {
    status: { qosClass: 'BestEffort', own: 1, phase: 'Pending' },
    spec: { nodeName: 'n', restartPolicy: 'Always', containers: [{ name: 'a', args: [] }], volumes: [] },
    metadata: { uid: 'u', labels: { b: '1', a: '2' }, namespace: 's', name: 'p' },
  };
  expect(JSON.stringify(inStructOrder('Pod', sent))).toBe(
    '{"metadata":{"name":"p","namespace":"s","uid":"u","labels":{"b":"1","a":"2"}},' +
      '"spec":{"volumes":[],"containers":[{"name":"a","args":[]}],"restartPolicy":"Always","nodeName":"n"},' +
      '"status":{"phase":"Pending","qosClass":"BestEffort","own":1}}',
  );
});

test('fields of a kind of its own come between metadata and spec', () => {
  const text = JSON.stringify(
    inStructOrder('ConfigMap', { data: { b: '1' }, immutable: true, metadata: { name: 'c' } }),
  );
  expect(text).toBe('{"metadata":{"name":"c"},"data":{"b":"1"},"immutable":true}');
});

test('a custom object is written in the order of the alphabet, at every depth', () => {
  const text = JSON.stringify(inAlphabet({ spec: { b: [{ z: 1, a: 2 }], a: 1 }, metadata: { uid: 'u', name: 'n' } }));
  expect(text).toBe('{"metadata":{"name":"n","uid":"u"},"spec":{"a":1,"b":[{"a":2,"z":1}]}}');
});
