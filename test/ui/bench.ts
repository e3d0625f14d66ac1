import { chromium, type Browser, type Page } from 'playwright-core';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../sandbox/cluster/free-port.ts';
import { memoryOf, startLargeCluster, type LargeCluster } from '../../bench/large-cluster.ts';
import { nodeName } from '../../bench/half-full-cluster.ts';
import { volumeName, VOLUMES_PER_NODE } from '../../bench/objects.ts';
import { ms, say, table, writeResult } from '../../bench/report.ts';
import { percentile } from '../../bench/statistics.ts';
import { GIB } from '../../src/model/bytes.ts';

/**
 * `make bench-page`: the page of the built operator in Debian's chromium with 5,000 nodes, 50,000 volumes and 100,000
 * pods: when something is seen, when the rows are there, what a search takes, and when a change is seen. Medians and
 * the longest of the rounds, ms. With `--quick` a tenth of the cluster and three rounds.
 */

const quick = process.argv.includes('--quick');
const NODES = quick ? 500 : 5000;
const PODS = NODES * 20;
const VOLUMES = NODES * VOLUMES_PER_NODE;
const ROUNDS = quick ? 3 : 9;

const [port = 0] = await freePorts(1);
const url = `http://127.0.0.1:${port}/`;
await using cluster = await startLargeCluster({
  ...{ nodes: NODES, pods: PODS, format: 'protobuf', flags: [`--page-listen=127.0.0.1:${port}`] },
});
const before = await memoryOf(cluster.pid);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const rows = [...(await measureBrowser(browser, cluster)), ...(await measureApi())];
  const after = await memoryOf(cluster.pid);
  say(
    table(
      ['what', 'median ms', 'longest ms'],
      rows.map(({ what, times }) => [what, ms(percentile(times, 0.5)), ms(Math.max(...times))]),
    ),
  );
  say(`RSS of the operator: ${Math.round(before.rssMiB)} MiB before, ${Math.round(after.rssMiB)} MiB after`);
  await writeResult('page', { quick, nodes: NODES, volumes: VOLUMES, pods: PODS, rows, before, after });
} finally {
  await browser.close();
}

interface Row {
  readonly what: string;
  readonly times: readonly number[];
}

/** Each round in a new window, that nothing is cached. */
async function measureBrowser(browser: Browser, cluster: LargeCluster): Promise<readonly Row[]> {
  const times = new Map<string, number[]>();
  const note = (what: string, time: number): void => void times.set(what, [...(times.get(what) ?? []), time]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    await context.addInitScript("sessionStorage.setItem('open-local-token', 'bench')");
    const page = await context.newPage();
    const open = async (hash: string, shows: string): Promise<number> => {
      await page.goto('about:blank');
      return timed(async () => {
        await page.goto(`${url}${hash}`);
        await page.getByText(shows).first().waitFor();
      });
    };
    note('overview: numbers are there', await open('#/', VOLUMES.toLocaleString('en')));
    note('overview: first paint', await firstPaint(page));
    note('nodes: rows are there', await open('#/nodes', 'Shown: nodes 1 to 100'));
    note('nodes: found by name', await search(page, 'node', nodeName(NODES - 1)));
    note('volumes: rows are there', await open('#/volumes', 'Shown: volumes 1 to 100'));
    const volume = VOLUMES - 1 - round;
    note('volumes: found by name', await search(page, 'volume', volumeName(volume)));
    note('volumes: a change is seen', await change(page, volume, cluster));
    await context.close();
  }
  return [...times].map(([what, each]) => ({ what, times: each }));
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}

function firstPaint(page: Page): Promise<number> {
  return page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN);
}

/** From Enter until the row stands alone. */
async function search(page: Page, what: string, name: string): Promise<number> {
  await page.getByRole('searchbox', { name: `Search ${what}s` }).fill(name);
  return timed(async () => {
    await page.keyboard.press('Enter');
    await page.getByText(`Shown: ${what} 1 of those found.`).waitFor();
    await page.getByRole('rowheader', { name }).waitFor();
  });
}

/** From the API server's word until it is read: the page asks again every five seconds. */
async function change(page: Page, volume: number, cluster: LargeCluster): Promise<number> {
  // Anywhere between two questions.
  await delay(Math.random() * 5000);
  return timed(async () => {
    cluster.grow({ volume, sizeBytes: 7 * GIB });
    await page.getByText('7 GiB').first().waitFor();
  });
}

/** What the operator itself needs for an answer, without a browser. */
async function measureApi(): Promise<readonly Row[]> {
  const paths = [
    'overview',
    'nodes',
    `nodes?search=${nodeName(NODES - 1)}`,
    'volumes',
    'volumes?search=no-such-volume',
  ];
  const rows: Row[] = [];
  for (const path of paths) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const read = async (): Promise<void> => {
        const answer = await fetch(`${url}api/${path}`, { headers: { authorization: 'Bearer bench' } });
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
        await answer.arrayBuffer();
      };
      times.push(await timed(read));
    }
    rows.push({ what: `answer to /api/${path.replace(/=.*/, '=…')}`, times });
  }
  return rows;
}
