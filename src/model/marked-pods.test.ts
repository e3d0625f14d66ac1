import { expect, test } from 'vitest';
import { isMarked, marksPodsOf, type MutatingPolicy } from './marked-pods.ts';

const policy = (name: string, conditions: readonly { name: string; expression: string }[] = []): MutatingPolicy => ({
  metadata: { name },
  spec: {
    matchConditions: [{ name: 'needs-a-node', expression: 'true' }, ...conditions],
    mutations: [{ applyConfiguration: { expression: "Object{… requests: {'csi.aliyun.com/volume': '0'}}" } }],
  },
});
const binding = (policyName: string) => ({ metadata: { name: 'b' }, spec: { policyName } });
const OF_SECOND = [
  { name: 'of-these-schedulers', expression: "object.spec.schedulerName in ['open-local-scheduler']" },
];
const OTHER = { ...policy('p'), spec: { mutations: [{ applyConfiguration: { expression: 'Object{}' } }, {}] } };

test.each([
  { what: 'a policy of every pod', policies: [policy('p')], bindings: [binding('p')], default: true, second: true },
  {
    what: 'one of a scheduler',
    policies: [policy('p', OF_SECOND)],
    bindings: [binding('p')],
    default: false,
    second: true,
  },
  {
    what: 'both',
    policies: [policy('p', OF_SECOND), policy('q')],
    bindings: [binding('p'), binding('q')],
    default: true,
    second: true,
  },
  {
    what: 'a policy that nothing binds',
    policies: [policy('p')],
    bindings: [binding('q')],
    default: false,
    second: false,
  },
  { what: 'a policy of something else', policies: [OTHER], bindings: [binding('p')], default: false, second: false },
  { what: 'nothing', policies: [], bindings: [], default: false, second: false },
])('$what', ({ policies, bindings, ...wanted }) => {
  expect(marksPodsOf('default-scheduler', policies, bindings)).toBe(wanted.default);
  expect(marksPodsOf('open-local-scheduler', policies, bindings)).toBe(wanted.second);
});

test.each([
  { what: 'by a request for none', resources: { requests: { 'csi.aliyun.com/volume': '0' } }, marked: true },
  { what: 'by a limit', resources: { limits: { 'csi.aliyun.com/volume': '1' } }, marked: true },
  { what: 'not by another resource', resources: { requests: { cpu: '1' } }, marked: false },
  { what: 'not by nothing', resources: undefined, marked: false },
])('a pod is marked $what', ({ resources, marked }) => {
  const second = { name: 'b', ...(resources ? { resources } : {}) };
  expect(isMarked({ metadata: {}, spec: { containers: [{ name: 'a' }, second as never] } })).toBe(marked);
});
