// A stranger's first minutes, in a real browser, against a real dotm that
// looks at this machine.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clients, dotm, folder, leftOpen, missing, page, redis } from './dotm.mjs';

const skip = missing() || false;
const port = 20_000 + (process.pid % 10_000);
const out = fileURLToPath(new URL('out/', import.meta.url));

/** The row of the table twin for a service on a port, if it is there. */
const row = (p, text) => p.locator('tbody tr', { hasText: text });

test('the chart shows this machine, live', { skip, timeout: 120_000 }, async (t) => {
  const data = folder(t);
  await redis(t, port);
  const open = await clients(t, port, 3);
  const server = await dotm(t, data);
  const { page: p, faults } = await page(t);
  const started = Date.now();
  await p.goto(server.url);
  const chart = p.locator('canvas').first();
  await chart.waitFor();
  t.diagnostic(`first chart after ${Date.now() - started} ms`);
  await p.getByRole('heading', { name: /One node (reports|is on the chart)|One of .* nodes reports/ }).waitFor();
  await p.getByText('Live', { exact: true }).waitFor();

  // The table twin tells the same as the picture; without the panel it has room for all columns.
  await p.keyboard.press(']');
  await p.keyboard.press('t');
  const edge = row(p, `:${port}`);
  await edge.waitFor();
  assert.match(await edge.innerText(), /node[\s\S]*redis-server/, 'client and service with their processes');
  assert.match(await edge.innerText(), /\b3\b/, 'three connections are one edge with count 3');
  assert.equal(await edge.count(), 1, 'one edge, once');
  assert.match(await edge.innerText(), /\d (µs|ms)\b/, 'with the round trip that the kernel measures');

  // So does its other half.
  await p.getByRole('group', { name: 'Table' }).getByRole('button', { name: /Services/ }).click();
  await row(p, `:${port}`).waitFor();
  assert.match(await row(p, `:${port}`).innerText(), /redis-server[\s\S]*\b3\b/, 'the service with its three open sockets');
  await p.getByRole('button', { name: 'Chart', exact: true }).click();
  await p.keyboard.press(']');

  // Tab walks along the connections from what is selected, and lets go at their end.
  await p.goto(`${server.url}/#/chart`);
  await p.getByRole('img', { name: /Chart of/ }).focus();
  await p.keyboard.press('Enter');
  await p.keyboard.press('Tab');
  assert.match(new URL(p.url()).hash, /connection=/, 'from the node to a connection');
  await p.keyboard.press('Escape');
  await p.keyboard.press('Tab');
  assert.equal(await p.evaluate(() => document.activeElement.tagName === 'CANVAS'), false, 'the focus is not trapped');

  // A server that starts appears without a reload, one that is killed is said to be gone.
  const second = await redis(t, port + 1);
  await p.goto(`${server.url}/#/services?each`);
  const service = row(p, `:${port + 1}`);
  await service.waitFor({ timeout: 5_000 });
  await second.stop('SIGKILL');
  await row(p, `:${port + 1}`).filter({ has: p.locator('.gone') }).waitFor({ timeout: 5_000 });

  // Search flies to a service and selects it.
  await p.goto(`${server.url}/#/chart`);
  await p.keyboard.press('/');
  await p.getByRole('combobox', { name: 'Name, address' }).fill(`${port}`);
  await p.getByRole('listbox').getByRole('option').first().waitFor();
  await p.keyboard.press('Enter');
  await p.getByRole('complementary', { name: 'Selection' }).getByText(`redis-server`).first().waitFor();

  // A client that leaves: nothing is open any more.
  open.close();
  await p.keyboard.press('Escape');
  await p.keyboard.press('t');
  await p.waitForFunction(([needle]) => {
    const tr = [...document.querySelectorAll('tbody tr')].find((r) => r.textContent.includes(needle));
    return tr && !/\b3\b/.test(tr.textContent.replace(needle, ''));
  }, [`:${port}`]);
  assert.deepEqual(faults, [], 'no error in the console, nothing asked from elsewhere');
});

test('connections that a process leaves open are in trouble, in the table and in the panel', { skip, timeout: 60_000 }, async (t) => {
  const open = await leftOpen(t, port + 6, 10);
  const server = await dotm(t, folder(t));
  const { page: p, faults } = await page(t);
  await p.goto(`${server.url}/#/chart?table`);
  const edge = row(p, `:${port + 6}`).filter({ hasText: '10 not closed' });
  await edge.waitFor();
  await edge.click();
  const panel = p.getByRole('complementary', { name: 'Selection' });
  await panel.getByText('10 connections closed by the other end, not by node, since').waitFor();
  await panel.getByText('measured at the server’s end').waitFor();
  open.close();
  await p.getByText('10 not closed').first().waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
});

test('what is known stays on screen while dotm restarts', { skip, timeout: 120_000 }, async (t) => {
  const data = folder(t);
  await redis(t, port + 2);
  const first = await dotm(t, data);
  const { page: p, faults } = await page(t);
  await p.goto(`${first.url}/#/services?each`);
  await row(p, `:${port + 2}`).waitFor();
  await first.stop();
  await p.getByText(/Reconnecting/).first().waitFor();
  assert.equal(await row(p, `:${port + 2}`).count(), 1, 'the service is still shown');
  await dotm(t, data, new URL(first.url).host);
  await p.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
  await row(p, `:${port + 2}`).waitFor();
  assert.deepEqual(faults, []);
});

test('settings say what is wrong at the field, and take what is right', { skip, timeout: 60_000 }, async (t) => {
  const server = await dotm(t, folder(t));
  const { page: p } = await page(t);
  await p.goto(`${server.url}/#/settings`);
  const ageing = p.getByLabel(/age|old/i).first();
  await ageing.waitFor();
  await ageing.fill('0s');
  await ageing.press('Enter');
  await p.getByText(/must be 1s/).first().waitFor();
  await ageing.fill('90s');
  await ageing.press('Enter');
  await p.waitForFunction(async () => (await (await fetch('/api/v1/settings')).json()).settings.ageing === '1m30s');
});

for (const viewport of [{ width: 390, height: 844 }, { width: 1440, height: 700 }]) {
  const size = `${viewport.width}x${viewport.height}`;
  test(`no view scrolls the page itself at ${size}`, { skip, timeout: 120_000 }, async (t) => {
    await redis(t, port + 4);
    await clients(t, port + 4, 2);
    const server = await dotm(t, folder(t));
    const { page: p } = await page(t, { viewport });
    await p.goto(`${server.url}/#/nodes`);
    const name = await p.locator('tbody td.strong').first().innerText();
    const node = encodeURIComponent(name.replace(/\s*this node$/, ''));
    const views = ['chart', 'chart?table', 'chart?table=services', `chart?node=${node}`, 'chart?service=none', 'services', 'nodes', `nodes/${node}`, 'nodes/nobody', 'settings', 'nope'];
    for (const view of views) {
      await p.goto('about:blank');
      await p.goto(`${server.url}/#/${view}`);
      await p.locator('.scroll, canvas').first().waitFor();
      if (view.startsWith('nodes/') && view !== 'nodes/nobody') await p.locator('table').first().waitFor();
      const { height, inner } = await p.evaluate(() => ({ height: document.documentElement.scrollHeight, inner: innerHeight }));
      assert.ok(height <= inner, `${view} is ${height} px high in a window of ${inner} px`);
      const empty = await p.evaluate(() => {
        const scroll = document.querySelector('.scroll');
        if (!scroll?.lastElementChild) return 0;
        scroll.scrollTop = scroll.scrollHeight;
        return scroll.getBoundingClientRect().bottom - scroll.lastElementChild.getBoundingClientRect().bottom;
      });
      assert.ok(empty <= viewport.height, `${view} scrolls past its end by ${empty} px`);
    }
  });
}

test('on a phone a chosen service leaves room for the chart, and a connection is headed by its ends', { skip, timeout: 60_000 }, async (t) => {
  await redis(t, port + 5);
  await clients(t, port + 5, 2);
  const server = await dotm(t, folder(t));
  const { page: p } = await page(t, { viewport: { width: 390, height: 844 } });
  await p.goto(`${server.url}/#/chart?table`);
  const headline = p.locator('td.narrow', { hasText: `:${port + 5}` });
  await headline.waitFor();
  assert.match(await headline.innerText(), new RegExp(`→ .*:${port + 5}\\s+2$`));
  await p.goto(`${server.url}/#/services?each`);
  await row(p, `:${port + 5}`).click();
  const sheet = await p.getByRole('complementary', { name: 'Selection' }).boundingBox();
  assert.ok(sheet.height <= 0.45 * 844, `the sheet is ${sheet.height} px high`);
  await p.goto(`${server.url}/#/chart`);
  await p.locator('.sheet-handle').click();
  await p.getByRole('heading', { name: 'One node is on the chart.' }).waitFor();
});

test('what is typed right after / is searched for', { skip, timeout: 60_000 }, async (t) => {
  const server = await dotm(t, folder(t));
  const { page: p } = await page(t);
  await p.goto(server.url);
  await p.locator('canvas').first().waitFor();
  for (let i = 0; i < 40; i++) {
    await p.keyboard.type('/tdg');
    assert.equal(await p.locator('.palette input').inputValue(), 'tdg', `time ${i}, at ${p.url()}`);
    await p.keyboard.press('Escape');
    await p.getByRole('combobox', { name: 'Name, address' }).waitFor({ state: 'hidden' });
  }
  assert.equal(new URL(p.url()).hash, '', 'no key was a command');
});

for (const [name, options] of [
  ['light-1440', { colorScheme: 'light' }],
  ['dark-1440', { colorScheme: 'dark' }],
  ['light-390', { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
  ['dark-390', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
]) {
  test(`picture ${name}: drawn, and nothing overflows`, { skip, timeout: 60_000 }, async (t) => {
    await redis(t, port + 3);
    await clients(t, port + 3, 2);
    const server = await dotm(t, folder(t));
    const { page: p, faults } = await page(t, options);
    await p.goto(server.url);
    await p.locator('canvas').first().waitFor();
    await p.waitForFunction(() => {
      const c = document.querySelector('canvas');
      const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
      const first = data.slice(0, 4).join();
      for (let i = 0; i < data.length; i += 4) if (data.slice(i, i + 4).join() !== first) return true;
      return false;
    });
    mkdirSync(out, { recursive: true });
    await p.screenshot({ path: join(out, `${name}.png`) });
    const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the window`);
    assert.deepEqual(faults, []);
  });
}
