import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { startOurApi } from '../../test/rig/our-api.ts';
import { ApiError } from '../kube/errors.ts';
import type { KubeObject } from '../model/objects.ts';
import { assertMarked } from './assert-marked.ts';

const never = new AbortController().signal;
const POLICY = path.join(import.meta.dirname, '../../deploy/marked-pods/policy.yaml');

test('passes once the policy of deploy/ and its binding are there, and says what to do until then', async () => {
  const { api, client, ...ours } = await startOurApi();
  const assert = (): Promise<void> => assertMarked(client, 'default-scheduler', never);
  try {
    await expect(assert()).rejects.toThrow(/marks pods of default-scheduler.*scheduler\.markPods=true/);
    const [policy, binding] = parseAllDocuments(readFileSync(POLICY, 'utf8')).map((each) => each.toJS() as KubeObject);
    api.load(policy as KubeObject);
    await expect(assert()).rejects.toThrow(/marks pods of default-scheduler/);
    api.load(binding as KubeObject);
    await assert();
  } finally {
    await ours.close();
  }
});

test.each([
  {
    what: 'a cluster that is too old to know the kind has none',
    code: 404,
    reason: 'NoSuchPath',
    says: /Kubernetes 1\.36 or newer/,
  },
  { what: 'who may not look is told so', code: 403, reason: 'Forbidden', says: /forbidden/ },
])('$what', async ({ code, reason, says }) => {
  const list = (): Promise<never> => Promise.reject(new ApiError({ code, reason, message: 'forbidden' }));
  await expect(assertMarked({ list }, 'default-scheduler', never)).rejects.toThrow(says);
});
