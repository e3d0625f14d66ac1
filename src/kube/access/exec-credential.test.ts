import { expect, test } from 'vitest';
import { createFakeRun, exits, type Reply } from '../../exec/fake-run.ts';
import { createExecCredential, type ExecPlugin } from './exec-credential.ts';
import { createFakeClock } from '../../wait/fake-clock.ts';

const never = new AbortController().signal;
const apiVersion = 'client.authentication.k8s.io/v1beta1';
const plugin: ExecPlugin = {
  apiVersion,
  argv: ['login'],
  env: {},
  installHint: 'get login',
  field: 'config: users[0].user.exec',
};
const clock = createFakeClock(Date.UTC(2026, 0, 1));
const credential = (status: object, more: object = {}): string =>
  JSON.stringify({ apiVersion, kind: 'ExecCredential', status, ...more });

test('one run serves calls at the same time and all until shortly before the end', async () => {
  let count = 0;
  const { run, calls } = createFakeRun(() => {
    count += 1;
    const expirationTimestamp = new Date(clock.date().getTime() + 60_000).toISOString();
    return credential({ token: `t${count}`, expirationTimestamp });
  });
  const login = createExecCredential(plugin, run, clock);
  const tokens = async (): Promise<unknown[]> =>
    (await Promise.all([login.current(never), login.current(never)])).map(({ token }) => token);

  expect(await tokens()).toEqual(['t1', 't1']);
  await clock.advance(49_000);
  expect(await tokens()).toEqual(['t1', 't1']);
  await clock.advance(2000);
  expect(await tokens()).toEqual(['t2', 't2']);
  expect(calls).toHaveLength(2);
});

test('a refused credential is fetched anew, once for all calls that were refused with it', async () => {
  let count = 0;
  const { run, calls } = createFakeRun(() =>
    credential({ clientCertificateData: `c${(count += 1)}`, clientKeyData: 'k' }),
  );
  const login = createExecCredential(plugin, run, clock);
  const first = await login.current(never);
  expect(first).toMatchObject({ cert: 'c1', key: 'k' });
  login.refused(first);
  const second = await login.current(never);
  login.refused({ ...first });
  expect(await login.current(never)).toEqual(second);
  expect(calls).toHaveLength(2);
});

const mistakes: [name: string, reply: Reply, problem: string][] = [
  ['fails', exits(['login'], 1, 'no session'), 'login exited with 1: no session'],
  ['prints no JSON', 'hello', 'the program printed no JSON'],
  ['prints null', 'null', 'the program printed no ExecCredential'],
  ['prints another kind', '{"kind":"List"}', 'the program printed no ExecCredential'],
  [
    'answers in another version',
    credential({ token: 's3cret' }, { apiVersion: 'client.authentication.k8s.io/v1' }),
    `the program answered in client.authentication.k8s.io/v1, the kubeconfig asks for ${apiVersion}`,
  ],
  [
    'gives a certificate without key',
    credential({ clientCertificateData: 's3cret' }),
    'the ExecCredential has neither a token nor a client certificate with its key',
  ],
  [
    'gives no time as end',
    credential({ token: 's3cret', expirationTimestamp: 'soon' }),
    'status.expirationTimestamp is no time: soon',
  ],
];

test.each(mistakes)('a plug-in that %s', async (_, reply, problem) => {
  const { run, calls } = createFakeRun(() => reply);
  const login = createExecCredential(plugin, run, clock);
  const failures = await Promise.allSettled([login.current(never), login.current(never)]);
  for (const failure of failures) {
    expect(failure).toMatchObject({ status: 'rejected', reason: { name: 'Fault', kind: 'unavailable' } });
    const { message } = (failure as PromiseRejectedResult).reason as Error;
    expect(message).toBe(`config: users[0].user.exec: ${problem} (get login)`);
  }
  expect(calls).toHaveLength(1);
});

test('a caller that gives up does not take the others along', async () => {
  const controller = new AbortController();
  const { run, calls } = createFakeRun(() =>
    calls.length === 1 ? new Promise<Reply>(() => {}) : credential({ token: 't' }),
  );
  const login = createExecCredential(plugin, run, clock);
  const impatient = login.current(controller.signal);
  const patient = login.current(never);
  controller.abort(new Error('enough'));
  await expect(impatient).rejects.toThrow('enough');
  expect((await patient).token).toBe('t');
});
