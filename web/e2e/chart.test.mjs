// The chart: filters by keyboard, links, minimap, pools expanded, boxes moved and tidied. A real browser against a real dotm with a made-up site.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing, page, program } from './dotm.mjs';

const skip = missing() || false;
const binary = process.env.DOTM_BINARY ?? join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/dotm');

/** A made-up site and a page that shows it in pools. */
async function site(t, hosts, options) {
  const p = program(t, binary, ['demo', '--hosts', String(hosts), '--listen', '127.0.0.1:0']);
  const [, url] = await p.line(/Open (http:\S+?)(?:\s|$)/);
  const { page: web, faults } = await page(t, options);
  const open = async (query) => {
    await web.goto('about:blank');
    await web.goto(`${url}/#/chart?level=pool${query}`);
    await web.getByText('Live', { exact: true }).waitFor();
  };
  const read = async () => (await fetch(`${url}/api/v1/topology?level=pool`)).json();
  await open('');
  return { web, faults, open, read };
}

/** Asks until an answer is right: boxes are placed off the writer, a moment after they were asked to move. */
async function until(ask, right) {
  for (const end = Date.now() + 20_000; ; await new Promise((done) => setTimeout(done, 50))) {
    const answer = await ask();
    if (right(answer)) return answer;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(answer)}`);
  }
}

/** Waits until the address holds, or no longer holds, some words. */
const address = (web, words, there = true) => web.waitForFunction(([w, is]) => location.hash.includes(w) === is, [words, there]);

test('filters fade what does not match, by keys alone, and links bring them back', { skip, timeout: 120_000 }, async (t) => {
  const { web, faults, open, read } = await site(t, 60);
  const line = web.locator('.filter-line [role=status]');

  // Only trouble, and how far around it. Faults come and go: at a quiet moment it says so.
  await web.keyboard.press('x');
  await address(web, 'trouble');
  await web.keyboard.press('3');
  await address(web, 'hops=3');
  assert.match(await line.textContent(), /^(\d+ of \d+ boxes: trouble and 3 hops around|Nothing is in trouble\.)$/);
  await web.keyboard.press('Escape');
  await address(web, 'trouble', false);
  await line.waitFor({ state: 'hidden' });

  // The fields, through the search.
  await web.keyboard.press('/');
  await web.keyboard.type('filter the chart');
  await web.keyboard.press('Enter');
  await web.getByLabel('Words').waitFor();
  await web.keyboard.type('-db');
  await web.keyboard.press('Enter');
  await web.getByLabel('Words').waitFor({ state: 'hidden' });
  await address(web, 'text=-db');
  const said = await line.textContent();
  assert.match(said, /^\d+ of \d+ boxes: -db$/);
  await open('&text=-db');
  await web.waitForFunction((words) => document.querySelector('.filter-line [role=status]')?.textContent === words, said);

  // What matches nothing says so, and the way back.
  await open('&text=zzz');
  await web.getByText('Nothing matches zzz.').waitFor();
  await web.getByRole('button', { name: 'Clear filter' }).click();
  await address(web, 'text', false);

  // The focus follows the selection, and is a link.
  const { pools, lanes } = await read();
  const pool = pools.find((one) => one.members.length > 3 && one.group);
  await open(`&node=${encodeURIComponent(pool.name)}`);
  await web.getByRole('heading', { name: new RegExp(`^${pool.title}`) }).waitFor();
  await web.keyboard.press('f');
  await address(web, 'focus=');
  await web.keyboard.press('2');
  await address(web, 'hops=2');
  assert.match(await line.textContent(), new RegExp(`: ${pool.title} and 2 hops around$`));
  await web.keyboard.press('f');
  await address(web, 'focus=', false);

  // The tables hold what the chart does not fade, pools and groups too.
  const lane = lanes.find((l) => l.id === pool.group);
  await open(`&group=${encodeURIComponent(pool.group)}`);
  await web.keyboard.press('t');
  await web.getByRole('button', { name: /^Pools and groups/ }).click();
  await web.getByRole('table', { name: 'Pools and groups of the chart' }).waitFor();
  const rows = await web.getByRole('row').allTextContents();
  assert.ok(rows.some((r) => r.includes(pool.title)), rows.join(' | '));
  assert.ok(rows.slice(1).every((r) => r.includes(lane.title)), rows.join(' | '));
  assert.deepEqual(faults, []);
});

test('a part of a large chart has a minimap, which leads to another', { skip, timeout: 120_000 }, async (t) => {
  const { web, faults } = await site(t, 150);
  const map = web.locator('.minimap');
  await map.waitFor({ state: 'detached' }); // what is reported first is fitted as it comes
  for (let i = 0; i < 6; i++) await web.keyboard.press('+');
  await map.waitFor();
  const picture = () => web.locator('.minimap canvas').evaluate((c) => c.toDataURL());
  const before = await picture();
  const { x, y, width, height } = await map.boundingBox();
  await web.mouse.click(x + width * 0.85, y + height * 0.4);
  await web.waitForFunction((was) => document.querySelector('.minimap canvas')?.toDataURL() !== was, before);
  const after = await picture();
  await web.mouse.move(x + width * 0.8, y + height * 0.4);
  await web.mouse.down();
  await web.mouse.move(x + width * 0.3, y + height * 0.6);
  await web.mouse.up();
  await web.waitForFunction((was) => document.querySelector('.minimap canvas')?.toDataURL() !== was, after);
  await web.keyboard.press('0');
  await map.waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
});

test('a pool expands in place; a box is moved by keys and let go; tidy', { skip, timeout: 120_000 }, async (t) => {
  const { web, faults, open, read } = await site(t, 60, { reducedMotion: 'reduce' });
  // Pools are found in what was reported: the first answers have none.
  const { pools } = await until(read, ({ pools }) => pools?.some((one) => one.members.length > 3));
  const pool = pools.find((one) => one.members.length > 3);
  await open(`&node=${encodeURIComponent(pool.name)}`);
  const title = web.getByRole('heading', { name: new RegExp(`^${pool.title}`) });
  await title.waitFor();
  await web.keyboard.press(' ');
  await address(web, 'expand=');
  await web.getByText(/^Expanded pool/).waitFor();
  await title.waitFor();
  await web.keyboard.press(' ');
  await address(web, 'expand=', false);

  // Carried by arrows, put down with Enter.
  const asks = () => web.waitForResponse((r) => r.url().endsWith('/charts/pool') && r.request().method() === 'PATCH');
  const box = async () => (await read()).pools.find((one) => one.name === pool.name).layout;
  await web.getByRole('button', { name: 'Move its box' }).click();
  await web.getByText(/^Drag a box/).waitFor();
  await web.locator('.stage canvas').first().focus();
  for (let i = 0; i < 3; i++) await web.keyboard.press('Shift+ArrowDown');
  const put = asks();
  await web.keyboard.press('Enter');
  const { pins } = (await put).request().postDataJSON();
  assert.equal((await put).status(), 204);
  const to = pins[pool.name];
  const at = await until(box, (l) => l.x === to.x && l.y === to.y);
  await web.keyboard.press('Escape');
  await web.getByText(/^Drag a box/).waitFor({ state: 'hidden' });

  // Tidy leaves it there; unpinned it may go.
  await web.getByRole('button', { name: 'Tidy', exact: true }).click();
  const tidied = web.waitForResponse((r) => r.url().endsWith('/charts/pool/tidy'));
  await web.getByRole('button', { name: 'Tidy the chart' }).click();
  assert.equal((await tidied).status(), 204);
  await web.getByRole('dialog').waitFor({ state: 'hidden' });
  const still = await box();
  assert.deepEqual([still.x, still.y], [at.x, at.y]);
  const lets = asks();
  await web.getByRole('button', { name: 'Unpin' }).click();
  assert.deepEqual((await lets).request().postDataJSON().pins, { [pool.name]: null });
  assert.equal((await lets).status(), 204);
  assert.deepEqual(faults, []);
});
