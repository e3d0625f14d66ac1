import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { isMarked } from '../../../src/model/marked-pods.ts';
import type { Pod } from '../../../src/model/objects.ts';
import { eventually } from '../../rig/eventually.ts';
import type { System } from '../system/system.ts';

type Asked = Pick<System, 'cluster' | 'kubectl'>;

/** What the API server makes of a pod with this spec, without making it. */
export async function admitted({ cluster, kubectl }: Asked, spec: object): Promise<Pod> {
  const file = path.join(cluster.dir, 'dry-run.yaml');
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'dry-run', namespace: 'default' } };
  const least = { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }] };
  await writeFile(file, stringify({ ...pod, spec: { ...least, ...spec } }));
  return JSON.parse(await kubectl('create', '-f', file, '--dry-run=server', '-o', 'json')) as Pod;
}

/** Waits until the API server has heard of a policy that marks pods of this scheduler, or that it is gone. */
export const untilMarks = (system: Asked, marks: boolean, schedulerName = 'default-scheduler'): Promise<void> =>
  eventually(async () => {
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'some' } }];
    expect(isMarked(await admitted(system, { schedulerName, volumes }))).toBe(marks);
  });
