import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GIB } from '../../src/model/bytes.ts';
import { HOSTILE, nodeName, NODES, startUiCluster, volumeOf, VOLUMES, type UiCluster } from './cluster.ts';

/** The page of the built operator in Debian's chromium, by what a person reads, presses and hears. */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PICTURES = process.env['PICTURES'];
let cluster: UiCluster;
let browser: Browser;
let context: BrowserContext | undefined;
/** What the browser complained of: blocked by the policy, or thrown. */
let complaints: string[];

beforeAll(async () => {
  cluster = await startUiCluster();
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
});
afterEach(async () => {
  await context?.close();
  context = undefined;
  if (complaints.length > 0) throw new Error(`the browser complained: ${complaints.join('; ')}`);
});

interface Look {
  readonly scheme?: 'light' | 'dark';
  readonly token?: string;
  readonly width?: number;
  readonly height?: number;
}

/** A new browser window on the page, logged in unless `token` is empty. */
async function open(hash = '', { scheme = 'light', token, width = 1280, height = 800 }: Look = {}): Promise<Page> {
  complaints = [];
  context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // What the server refuses is told by the page itself.
    const isRefusal = message.text().includes('Failed to load resource');
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text());
  });
  const given = token ?? cluster.tokens.all;
  if (given !== '') await page.addInitScript((text) => sessionStorage.setItem('open-local-token', text), given);
  await page.goto(`${cluster.url}${hash}`);
  return page;
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe-core finds wrong: WCAG 2.2 AA and its best practices. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate<{ violations: readonly Violation[] }>('axe.run()');
  return found.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
  );
}

const VIEWS: readonly (readonly [name: string, hash: string, shows: string])[] = [
  ['overview', '#/', '1,200'],
  ['nodes', '#/nodes', nodeName(0)],
  ['node', `#/nodes/${nodeName(5)}`, 'open-local-pool-0'],
  ['volumes', '#/volumes', 'team-0/data-0'],
  ['waiting-pods', '#/pods', 'team-0/waits-0'],
  ['waiting-pod', '#/pods/team-1/waits-1', 'lacks'],
  ['what-if', '#/what-if', 'Claim 1'],
];

describe.each(['light', 'dark'] as const)('in %s', (scheme) => {
  test.each(VIEWS)('axe-core finds nothing in the view %s', async (name, hash, shows) => {
    const page = await open(hash, { scheme });
    await page.getByText(shows).first().waitFor();
    if (name === 'what-if') {
      await page.getByRole('button', { name: 'Ask' }).click();
      await page.getByText('has room').first().waitFor();
    }
    expect(await violations(page)).toEqual([]);
    if (PICTURES) await page.screenshot({ path: path.join(PICTURES, `page-${name}-${scheme}.png`) });
  });

  test('axe-core finds nothing where one logs in, and where a token is refused', async () => {
    const page = await open('', { scheme, token: '' });
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Token').fill('nonsense');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('does not know this token');
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Token').fill(cluster.tokens.all);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
});

/** The name of what has the focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement: on } = document;
    return on?.getAttribute('aria-label') ?? on?.closest('label')?.textContent ?? on?.textContent ?? '';
  });

/** Presses Tab until something of this name has the focus. */
async function tabTo(page: Page, name: string, key = 'Tab'): Promise<void> {
  for (let i = 0; i < 400; i += 1) {
    if ((await focused(page)).trim().startsWith(name)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`Tab does not come to ${name}`);
}

test('by the keyboard alone one comes through every view, and always knows where one is', async () => {
  const page = await open();
  await page.getByText('1,200').waitFor();
  expect(await focused(page)).toBe('Overview');
  await tabTo(page, 'Skip to the content', 'Shift+Tab');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN');

  const go = async (view: string): Promise<void> => {
    await tabTo(page, view, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: view }).waitFor();
    await page.waitForFunction((title) => document.title.startsWith(title), view);
    expect(await focused(page)).toBe(view);
    expect(await page.title()).toBe(`${view} · open-local`);
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
  };
  await go('Nodes');
  await tabTo(page, 'Search nodes');
  await page.keyboard.type('worker-24');
  await page.getByText('Shown: nodes 1 to 10 of those found.').waitFor();
  await tabTo(page, 'Nodes with storage');
  await tabTo(page, nodeName(240));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: `Node ${nodeName(240)}` }).waitFor();

  await go('Volumes');
  await page.getByText(`Shown: volumes 1 to 100 of 1,200.`).waitFor();
  await tabTo(page, 'Next');
  await page.keyboard.press('Enter');
  await page.getByText('Shown: volumes 101 to 200').waitFor();
  expect(await focused(page)).toBe('Next');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByText('Shown: volumes 1 to 100').waitFor();

  await go('Waiting pods');
  await tabTo(page, 'team-2/waits-2');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Pod team-2/waits-2' }).waitFor();
  await page.getByText('Closest is volume group').first().waitFor();

  await go('What if');
  await tabTo(page, 'Size');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('700Gi');
  await page.keyboard.press('Enter');
  await page.getByText(/of 250 nodes may have it and have room/).waitFor();
});

test('what may not be seen is left out, and said', async () => {
  const page = await open('', { token: cluster.tokens.nodes });
  await page.getByText('You may not list them.').first().waitFor();
  expect(await page.getByText('You may not list them.').count()).toBe(2);
  await page.goto(`${cluster.url}#/volumes`);
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').textContent()).toContain('may not list localvolumes.csi.aliyun.com');
  await page.goto(`${cluster.url}#/nodes/${nodeName(1)}`);
  await page.getByText('You may not list LocalVolumes').waitFor();
  await page.goto(`${cluster.url}#/pods`);
  await page.getByText('name one').waitFor();
});

test('a name that is HTML is read as a name', async () => {
  const page = await open(`#/nodes/${nodeName(3)}`);
  await page.getByText(HOSTILE).first().waitFor();
  expect(await page.locator('img').count()).toBe(0);
  expect(await page.title()).toBe(`Node ${nodeName(3)} · open-local`);
  await page.goto(`${cluster.url}#/nodes/${encodeURIComponent(HOSTILE)}`);
  await page.getByRole('alert').waitFor();
  expect(await page.locator('img').count()).toBe(0);
});

test('at 400 % nothing but tables is moved sideways', async () => {
  for (const [, hash, shows] of VIEWS) {
    const page = await open(hash, { width: 320, height: 256 });
    await page.getByText(shows).first().waitFor();
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
    expect([hash, widths[0]]).toEqual([hash, widths[1]]);
    await context?.close();
  }
});

test('what changes is seen without a hand, and nothing is asked while nobody can see it', async () => {
  const page = await open('#/volumes');
  await page.getByText('Shown: volumes 1 to 100 of 1,200.').waitFor();
  let asked = 0;
  const answers: number[] = [];
  page.on('request', () => (asked += 1));
  page.on('response', (response) => answers.push(response.status()));
  const answered = page.waitForResponse((response) => response.status() === 304, { timeout: 30_000 });
  await answered;
  expect(answers.every((status) => status === 304)).toBe(true);
  await cluster.put(volumeOf(VOLUMES, nodeName(0), 'open-local-pool-0', GIB));
  await page.getByText('of 1,201.').waitFor({ timeout: 30_000 });

  const hide = (hidden: boolean): Promise<void> =>
    page.evaluate((is) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => is });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await hide(true);
  // What was under way ends; then two times of asking go by.
  await page.waitForTimeout(6000);
  asked = 0;
  await page.waitForTimeout(11_000);
  expect(asked).toBe(0);
  const seen = page.waitForRequest(/api\/volumes/);
  await hide(false);
  await seen;
});

test('a search is made by the server, and its rows are read page by page', async () => {
  const page = await open('#/volumes');
  const search = page.getByRole('searchbox', { name: 'Search volumes' });
  await search.fill('team-1/');
  await page.getByText('Shown: volumes 1 to 100 of those found.').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Shown: volumes 101 to 200 of those found.').waitFor();
  const claims = await page.locator('tbody td:nth-child(2)').allTextContents();
  expect(claims).toHaveLength(100);
  expect(claims.every((claim) => claim.startsWith('team-1/'))).toBe(true);
  await search.fill('no such thing');
  await page.getByText('No volume has “no such thing” in its names.').waitFor();
});

test('what if: why not there is found by the name of a node', async () => {
  const page = await open('#/what-if');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByText(`of ${NODES} nodes`).waitFor();
  await page.getByRole('searchbox', { name: 'Search nodes' }).fill(nodeName(8));
  const row = page.getByRole('row', { name: nodeName(8) });
  await page.getByText('volume group open-local-pool-0 is cordoned').waitFor();
  expect(await row.textContent()).toContain('no');
  await page.getByRole('button', { name: 'Add a claim' }).click();
  await page.getByLabel('Size').nth(1).fill('nonsense');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').textContent()).toContain('"nonsense" is not a quantity');
});
