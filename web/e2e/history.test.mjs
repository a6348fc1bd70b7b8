// The past of this machine, in a real browser, against a real dotm that recorded it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clients, dotm, folder, missing, page, redis } from './dotm.mjs';

const skip = missing() || false;
const port = 20_000 + (process.pid % 1_500) * 6;
const out = fileURLToPath(new URL('out/', import.meta.url));

const row = (p, text) => p.locator('tbody tr', { hasText: text });

/** What the API of a running dotm answers. */
async function get(url, path) {
  const answer = await fetch(`${url}/api/v1/${path}`);
  assert.equal(answer.status, 200, path);
  return answer.json();
}

/** Waits until the API says so, for at most 20 s. */
async function until(url, path, is) {
  const end = Date.now() + 20_000;
  for (;;) {
    const answer = await get(url, path);
    const found = is(answer);
    if (found) return found;
    assert.ok(Date.now() < end, `${path} still says ${JSON.stringify(answer).slice(0, 1000)}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const eventOf = (kind, on) => ({ events }) => events.find((e) => e.kind === kind && e.port === on);

/**
 * A machine on which, after a first moment, one server with its clients went and another came.
 * Answers the moment at which the first was there and the second was not.
 */
async function past(t, first) {
  const data = folder(t);
  const old = await redis(t, first);
  const open = await clients(t, first, 3);
  const server = await dotm(t, data);
  await fetch(`${server.url}/api/v1/settings`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ageing: '2s' }) });
  await until(server.url, 'topology', ({ connections }) => connections.find((c) => c.server.port === first && c.count === 3));
  await until(server.url, 'history', ({ from }) => from);
  await until(server.url, `topology?at=${encodeURIComponent('-0s')}`, ({ connections }) => connections.find((c) => c.server.port === first));
  const before = new Date().toISOString();
  await redis(t, first + 1);
  await clients(t, first + 1, 2);
  open.close();
  await old.stop('SIGKILL');
  await until(server.url, 'events', eventOf('appeared', first + 1));
  await until(server.url, 'events?subject=service', eventOf('vanished', first));
  await until(server.url, 'events?subject=connection', eventOf('vanished', first));
  return { ...server, before };
}

test('back in time, two moments compared, and who used a service', { skip, timeout: 120_000 }, async (t) => {
  const first = port;
  const server = await past(t, first);
  const { page: p, faults } = await page(t);

  // What happened is told in sentences, and leads to its thing at a moment at which it was there.
  await p.goto(`${server.url}/#/history?reach=hour`);
  await row(p, `redis-server :${first + 1} on`).filter({ hasText: 'began to listen' }).waitFor();
  await row(p, `redis-server :${first} on`).filter({ hasText: 'stopped listening' }).click();
  await p.getByText(/^As of /).waitFor();
  await p.getByText('Past', { exact: true }).waitFor();
  await p.getByRole('complementary', { name: 'Selection' }).getByText('Listens on').waitFor();

  // The first server and its clients are on the chart of then; the second is not yet.
  await p.goto(`${server.url}/#/chart?table&at=${server.before}`);
  await row(p, `:${first}`).waitFor();
  assert.match(await row(p, `:${first}`).innerText(), /redis-server[\s\S]*\b3\b/, 'its three connections');
  await p.getByRole('group', { name: 'Table' }).getByRole('button', { name: /Services/ }).click();
  await row(p, `:${first}`).filter({ hasText: 'not there today' }).waitFor();
  assert.equal(await row(p, `:${first + 1}`).count(), 0);
  await p.getByRole('button', { name: 'Back to live' }).click();
  await row(p, `:${first + 1}`).waitFor();

  // What differs between then and now.
  await p.goto(`${server.url}/#/history?at=${server.before}`);
  await p.getByRole('button', { name: 'Compare it with now' }).click();
  await row(p, `redis-server :${first + 1}`).filter({ hasText: 'new' }).waitFor();
  await row(p, `redis-server :${first} `).filter({ hasText: 'vanished' }).waitFor();
  await p.getByText(/\d+ new, .*\d+ vanished/).waitFor();

  // The same by dragging over the time with Shift held: it is of one bar's length at least.
  await p.goto(`${server.url}/#/chart?reach=hour&at=${server.before}`);
  const bars = await p.getByRole('slider').boundingBox();
  await p.keyboard.down('Shift');
  await p.mouse.move(bars.x + bars.width * 0.9, bars.y + 20);
  await p.mouse.down();
  await p.mouse.move(bars.x + bars.width - 2, bars.y + 20, { steps: 3 });
  await p.mouse.up();
  await p.keyboard.up('Shift');
  assert.match(new URL(p.url()).hash, /from=/);

  // Who used the second one.
  await p.goto(`${server.url}/#/services?each`);
  await row(p, `:${first + 1}`).click();
  const panel = p.getByRole('complementary', { name: 'Selection' });
  await panel.getByRole('heading', { name: 'Who used it in the last 30 days' }).waitFor();
  await panel.locator('.uses li').filter({ hasText: 'node' }).waitFor();
  await panel.getByText(/coverage\); standby/).waitFor();
  assert.deepEqual(faults.filter((f) => !/status of 404/.test(f)), []);
});

for (const [name, options] of [
  ['light-1440', { colorScheme: 'light' }],
  ['dark-390', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
]) {
  test(`pictures of the past, ${name}: nothing overflows`, { skip, timeout: 120_000 }, async (t) => {
    const server = await past(t, port + (name === 'dark-390' ? 4 : 2));
    const { page: p, faults } = await page(t, options);
    mkdirSync(out, { recursive: true });
    const { before } = server;
    const service = (await get(server.url, 'topology')).services.find((s) => s.process === 'redis-server' && s.state === 'listening').id;
    for (const [picture, view, ready] of [
      ['feed', 'history?reach=hour', 'What happened'],
      ['then', `history?reach=hour&at=${before}`, /^As of/],
      ['chart', `chart?reach=hour&at=${before}`, /^As of/],
      ['compare', `history?compare&from=${before}`, 'vanished'],
      ['compared', `chart?from=${before}&reach=hour`, 'vanished'],
      ['table', `chart?from=${before}&table`, 'vanished'],
      ['uses', `chart?service=${encodeURIComponent(service)}`, 'Who used it'],
    ]) {
      await p.goto(`${server.url}/#/${view}`);
      await p.getByText(ready).first().waitFor();
      await p.locator('canvas, tbody tr').first().waitFor();
      await p.waitForTimeout(700);
      await p.screenshot({ path: join(out, `past-${picture}-${name}.png`) });
      const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${picture} is ${wide} px wider than the window`);
    }
    assert.deepEqual(faults, []);
  });
}
