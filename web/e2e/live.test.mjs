// The live half of the page, in a real browser, against a real dotm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dotm, folder, missing, page, redis, serve } from './dotm.mjs';

const skip = missing() || false;
const port = 20_000 + ((process.pid + 4_711) % 10_000);

/** The row of a table for a service on a port. */
const row = (p, number) => p.locator('tbody tr', { hasText: `:${number}` });

const live = (p) => p.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });

/** How many streams the server says that it serves. */
async function streams(url) {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^dotm_stream_viewers (\d+)$/m.exec(metrics)?.[1]);
}

async function until(what, check) {
  const end = Date.now() + 60_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`waited a minute for ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Makes a page think that it is hidden, or seen again: a headless browser shows all of its tabs. */
async function seen(p, state) {
  await p.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

/** What ends a page's document is a reload: a mark in it stays as long as there was none. */
const mark = (p) => p.evaluate(() => (window.sameDocument = true));
const unreloaded = (p) => p.evaluate(() => window.sameDocument === true);

/** Ends the shared worker of a browser as a crash does: no page is told. */
async function killWorker(context) {
  const session = await context.browser().newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets');
  const worker = targetInfos.find((i) => i.type === 'shared_worker');
  assert.ok(worker, 'there is a shared worker');
  const { sessionId } = await session.send('Target.attachToTarget', { targetId: worker.targetId, flatten: false });
  await session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'close()' } }) });
  await session.detach();
}

test('tabs share one stream, hidden ones have none, and what they missed comes when they are seen', { skip, timeout: 240_000 }, async (t) => {
  await redis(t, port);
  const server = await dotm(t, folder(t));
  const { page: first, context, faults } = await page(t);
  const tabs = [first, await context.newPage(), await context.newPage()];
  for (const p of tabs) {
    await p.goto(`${server.url}/#/chart?table=services`);
    await row(p, port).waitFor();
    await live(p);
    await mark(p);
  }
  assert.equal(await streams(server.url), 1, 'three tabs, one stream');

  const hidden = tabs[2];
  await seen(hidden, 'hidden');
  const second = await redis(t, port + 1);
  for (const p of tabs.slice(0, 2)) await row(p, port + 1).waitFor();
  assert.equal(await row(hidden, port + 1).count(), 0, 'a hidden tab is told nothing');
  await seen(hidden, 'visible');
  await row(hidden, port + 1).waitFor();
  assert.equal(await streams(server.url), 1);

  // With nobody looking the stream ends; who looks again sees what happened.
  for (const p of tabs) await seen(p, 'hidden');
  await until('the stream to end', async () => (await streams(server.url)) === 0);
  await second.stop('SIGKILL');
  await redis(t, port + 2);
  await until('the server to see it', async () => (await (await fetch(`${server.url}/api/v1/services`)).text()).includes(`~tcp~${port + 2}`));
  for (const p of tabs) await seen(p, 'visible');
  for (const p of tabs) {
    await row(p, port + 2).waitFor();
    await live(p);
    assert.ok(await unreloaded(p));
  }
  assert.equal(await streams(server.url), 1);

  // A worker that dies is replaced.
  await killWorker(context);
  await until('the worker to be gone', async () => (await streams(server.url)) === 0);
  await until('the stream of the new worker', async () => (await streams(server.url)) === 1);
  await redis(t, port + 3);
  for (const p of tabs) await row(p, port + 3).waitFor({ timeout: 60_000 });
  await until('one stream', async () => (await streams(server.url)) === 1);

  // The past is not followed.
  const past = new Date(Date.now() - 1_000).toISOString();
  for (const p of tabs) await p.goto(`${server.url}/#/chart?table=services&at=${past}`);
  await first.getByText(/^As of/).waitFor();
  await until('the stream to end', async () => (await streams(server.url)) === 0);
  await first.getByRole('button', { name: 'Back to live' }).click();
  await live(first);
  await until('the stream', async () => (await streams(server.url)) === 1);
  assert.deepEqual(faults, [], 'nothing in the console, the policy blocks nothing');
});

test('a page where there is no SharedWorker follows by itself, and outlives a restart', { skip, timeout: 240_000 }, async (t) => {
  const data = folder(t);
  await redis(t, port + 4);
  const first = await dotm(t, data);
  const { page: plain, context, faults } = await page(t);
  await plain.addInitScript(() => delete window.SharedWorker);
  const shared = await context.newPage();
  for (const p of [plain, shared]) {
    await p.goto(`${first.url}/#/chart?table=services`);
    await row(p, port + 4).waitFor();
    await live(p);
    await mark(p);
  }
  assert.equal(await streams(first.url), 2, 'one of the worker, one of the page');
  await first.stop('SIGKILL');
  for (const p of [plain, shared]) {
    await p.getByText(/Reconnecting, last change .* ago/).waitFor();
    assert.equal(await row(p, port + 4).count(), 1, 'the chart stays');
  }
  await redis(t, port + 5);
  await dotm(t, data, new URL(first.url).host);
  for (const p of [plain, shared]) {
    await row(p, port + 5).waitFor({ timeout: 60_000 });
    await live(p);
    assert.ok(await unreloaded(p));
  }
  assert.deepEqual(faults, []);
});

test('a login that ends leads to the login in every tab, and after it the page goes on', { skip, timeout: 240_000 }, async (t) => {
  const server = await serve(t, folder(t));
  const { page: first, context, faults } = await page(t, { ignoreHTTPSErrors: true });
  const password = 'correct horse battery';
  await first.goto(server.setup);
  await first.getByLabel('New password').fill(password);
  await first.getByLabel('The same again').fill(password);
  await first.getByRole('button', { name: 'Set the password' }).click();
  await live(first);
  const second = await context.newPage();
  await second.goto(`${server.url}/#/services`);
  await live(second);
  for (const p of [first, second]) await mark(p);

  // The session ends on the server; no page is told but by its stream.
  const answer = await context.request.post(`${server.url}/api/v1/logout`);
  assert.equal(answer.status(), 200);
  for (const p of [first, second]) await p.getByText('Your session ended.').waitFor({ timeout: 60_000 });
  for (const p of [first, second]) {
    await p.getByLabel('User').fill('admin');
    await p.getByLabel('Password').fill(password);
    await p.getByRole('button', { name: 'Log in' }).click();
    await live(p);
    assert.ok(await unreloaded(p));
  }
  assert.match(second.url(), /#\/services$/, 'where it was');
  assert.deepEqual(faults.filter((f) => !/status of 401|net::ERR_/.test(f)), []);
});
