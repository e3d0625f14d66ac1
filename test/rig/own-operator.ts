import path from 'node:path';
import { freePort } from '../../sandbox/cluster/free-port.ts';
import { createCsiClient, type CsiClient } from '../../src/csi/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { silentLog } from '../../src/model/log.ts';
import { parseOperatorConfig } from '../../src/operator/config.ts';
import { runOperator } from '../../src/operator/run.ts';
import { eventually } from './eventually.ts';

const CALL_MS = 60_000;

/** An operator in this process, which leads from the start. */
export interface OwnOperator extends AsyncDisposable {
  readonly controller: CsiClient['controller'];
  /** Reads the metric of this name that has `label` among its labels' values; NaN when there is none. */
  metric(name: string, label: string): Promise<number>;
}

/** Starts one; `folder` is where its socket is. It answers when this resolves. */
export async function startOwnOperator(
  { client, folder }: { readonly client: KubeClient; readonly folder: string },
  ...flags: readonly string[]
): Promise<OwnOperator> {
  const ops = `127.0.0.1:${await freePort()}`;
  const socket = path.join(folder, 'operator.sock');
  const args = [
    ...['--no-leader-election', '--extender-listen=none', '--namespace=default', `--metrics-listen=${ops}`],
    ...[`--csi-endpoint=unix://${socket}`, ...flags],
  ];
  const stopping = new AbortController();
  const running = runOperator(
    parseOperatorConfig(args, {}),
    { client, version: 'test', log: silentLog },
    stopping.signal,
  );
  await eventually(async () => {
    if (!(await fetch(`http://${ops}/readyz`)).ok) throw new Error('the operator is not ready');
  });
  const calls = createCsiClient({ kind: 'unix', path: socket }, CALL_MS);
  return {
    controller: calls.controller,
    metric: async (name, label) => {
      const page = await (await fetch(`http://${ops}/metrics`)).text();
      const line = page.split('\n').find((each) => each.startsWith(`${name}{`) && each.includes(`"${label}"`));
      return Number(line?.split(' ').at(-1));
    },
    [Symbol.asyncDispose]: async () => {
      calls.close();
      stopping.abort();
      await running;
    },
  };
}
