// First runs and bad days, in a real browser, each made to happen with a real dotm:
// what is known stays on the screen, and what is wrong is said, with what helps.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder, missing, original, page, program, redis } from './dotm.mjs';

const skip = missing() || false;
const binary = join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/dotm');
const port = 20_000 + (process.pid % 9_000);

/** What the browser itself says where a server is gone or refuses. */
const EXPECTED = /status of (403|404|5\d\d)|net::ERR_/;
const unexpected = (faults) => faults.filter((f) => !EXPECTED.test(f));

/** A running `dotm serve` on loopback, and a way to call its API. */
async function serving(t, ...flags) {
  const listen = flags.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const p = program(t, binary, ['serve', ...listen, ...flags]);
  const [, url] = await p.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  const call = async (method, path, body) => {
    const answer = await fetch(`${url}/api/v1/${path}`, { method, ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  };
  return { ...p, url, call };
}

// Each has its own dotm and its own page, and mostly waits.
describe('first runs and bad days', { concurrency: 3 }, () => {
  test('nobody reports yet: what to do next, and never a token on a command line', { skip, timeout: 60_000 }, async (t) => {
    const server = await serving(t, '--data', folder(t));
    const { page: p, faults } = await page(t);
    await p.goto(server.url);
    const panel = p.getByRole('complementary', { name: 'Overview' });
    await panel.getByRole('heading', { name: 'No node reports yet.' }).waitFor();
    await panel.getByText(/Listening on 127\.0\.0\.1:\d+, nothing received yet/).waitFor();
    await panel.getByText('Other hosts cannot reach this dotm yet.').waitFor();
    for (const command of await panel.locator('.command code').allInnerTexts()) assert.doesNotMatch(command, /--token(?!-file)/);

    // Monitoring begins with the form of its kind.
    await panel.getByRole('link', { name: 'Zabbix' }).click();
    const form = p.getByRole('dialog');
    await form.waitFor();
    assert.equal(await form.getByLabel('Kind').inputValue(), 'zabbix');
    await p.keyboard.press('Escape');

    // Nothing happened yet, and no check is known: each page says so.
    await p.goto(`${server.url}/#/history`);
    await p.getByText(/^The history is empty\. What changes is recorded from the first report on/).waitFor();
    await p.goto(`${server.url}/#/checks`);
    await p.getByText('No monitoring system is read yet.').waitFor();
    await p.goto(`${server.url}/#/services`);
    await p.getByText('No service is known yet.').waitFor();
    assert.deepEqual(unexpected(faults), []);
  });

  test('only this node: it reports, and the steps that bring the others', { skip, timeout: 60_000 }, async (t) => {
    const up = program(t, binary, ['up', '--data', folder(t), '--listen', '127.0.0.1:0', '--interval', '500ms']);
    const [, url] = await up.line(/Open (http:\S+)/);
    const { page: p, faults } = await page(t);
    await p.goto(url);
    await p.getByRole('heading', { name: 'One node is on the chart.' }).waitFor();
    await p.getByText('This node reports', { exact: true }).waitFor();
    await p.getByText('dotm serve --listen :4849').waitFor();
    await p.getByRole('button', { name: 'Read nodes over SSH instead' }).click();
    await p.getByRole('dialog', { name: 'Add a node' }).getByLabel('Address').waitFor();
    await p.keyboard.press('Escape');
    // Who looks at the past or at something is not told about beginnings.
    await p.getByRole('img', { name: /Chart of/ }).focus();
    await p.keyboard.press('Enter');
    await p.getByRole('complementary', { name: 'Selection' }).waitFor();
    assert.deepEqual(unexpected(faults), []);
  });

  test('a server that goes: what is known stays, then a banner; Retry brings it back', { skip, timeout: 90_000 }, async (t) => {
    const data = folder(t);
    const from = await original(t, 'web7');
    const first = await serving(t, '--data', data);
    await first.call('POST', 'nodes', { url: `text://127.0.0.1:${from}` });
    const { page: p, faults } = await page(t);
    await p.clock.install();
    await p.goto(first.url);
    await p.getByRole('img', { name: /Chart of [1-9]/ }).waitFor();
    await first.stop();
    await p.getByText(/Reconnecting, last change \d+ s ago/).waitFor();
    await p.clock.fastForward(61_000);
    await p.getByText(/No connection to dotm for 1 min\. The page shows what was known then\./).waitFor();
    assert.equal(await p.locator('.stage canvas').evaluate((c) => getComputedStyle(c).opacity), '0.6');
    await p.getByRole('img', { name: /Chart of [1-9]/ }).waitFor();
    await p.getByRole('button', { name: 'Retry' }).click();
    await p.getByText(/^Reconnecting/).waitFor();
    await serving(t, '--data', data, '--listen', new URL(first.url).host);
    await p.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
    await p.getByRole('button', { name: 'Retry' }).waitFor({ state: 'detached' });
    assert.deepEqual(unexpected(faults), []);
  });

  test('a store that goes: the chart lives on, settings are read only, and it is over when it is over', { skip, timeout: 90_000 }, async (t) => {
    const store = await redis(t, port);
    const server = await serving(t, '--redis', `redis://127.0.0.1:${port}/0`, '--data', folder(t));
    const { page: p, faults } = await page(t);
    await p.goto(`${server.url}/#/settings`);
    const ageing = p.getByLabel('Ageing limit');
    await ageing.waitFor();
    assert.equal(await ageing.isEnabled(), true);
    await store.stop('SIGKILL');
    const banner = p.locator('.banner.store');
    await banner.waitFor({ timeout: 40_000 });
    assert.match(await banner.innerText(), /store|history/i);
    await p.waitForFunction(() => document.querySelector('#setting-ageing')?.matches(':disabled'));
    await p.getByText('Settings can’t be changed while the store is away.').waitFor();
    await redis(t, port);
    await banner.waitFor({ state: 'detached', timeout: 40_000 });
    await p.waitForFunction(() => document.querySelector('#setting-ageing')?.matches(':enabled'));
    assert.deepEqual(unexpected(faults), []);
  });

  test('a source that can’t be read, and a node that falls silent', { skip, timeout: 60_000 }, async (t) => {
    const server = await serving(t, '--data', folder(t));
    const from = await original(t, 'web7');
    await server.call('PATCH', 'settings', { stale_after: '6s', poll_interval: '5s' });
    await server.call('POST', 'nodes', { url: `text://127.0.0.1:${from}` });
    await server.call('POST', 'sources', { name: 'main', kind: 'nagios', url: 'http://127.0.0.1:1/', interval: '10s' });
    const { page: p, faults } = await page(t);
    await p.goto(server.url);
    await p.getByText(/^Monitoring can’t be read from main\./).waitFor({ timeout: 20_000 });
    await p.locator('.top').getByText(/partial/).waitFor();
    await p.getByRole('link', { name: 'Sources' }).click();
    await p.getByRole('region', { name: 'main' }).getByText(/can’t be read/).first().waitFor();

    await p.goto(`${server.url}/#/chart`);
    await p.getByRole('img', { name: /Chart of [1-9]/ }).waitFor();
    await server.call('POST', 'nodes', { url: 'text://127.0.0.1:2' });
    await p.goto(`${server.url}/#/nodes`);
    await p.locator('tbody tr', { hasText: 'text://127.0.0.1:2' }).filter({ hasText: 'fails' }).waitFor({ timeout: 20_000 });
    assert.deepEqual(unexpected(faults), []);
  });

  test('slow answers: the outline of what comes, and after three seconds what is waited for', { skip, timeout: 60_000 }, async (t) => {
    const demo = program(t, binary, ['demo', '--hosts', '60', '--listen', '127.0.0.1:0']);
    const [, url] = await demo.line(/Open (http:\S+?)(?:\s|$)/);
    const { page: p, faults } = await page(t);
    await p.goto(url);
    await p.getByRole('img', { name: /Chart of/ }).waitFor();
    await p.waitForFunction(() => JSON.parse(localStorage.getItem('dotm.outline') ?? '{}').lanes?.length > 0);

    let release = () => {};
    const held = new Promise((done) => (release = done));
    await p.route('**/api/v1/topology?**', async (route) => {
      await held;
      await route.continue();
    });
    await p.goto('about:blank');
    await p.goto(url);
    await p.locator('svg.outline rect').first().waitFor();
    await p.getByText(/^Reading the chart, for \d+ s now\.$/).waitFor();
    release();
    await p.getByRole('img', { name: /Chart of/ }).waitFor();
    await p.getByText(/^Reading the chart/).waitFor({ state: 'detached' });
    assert.equal(await p.locator('svg.outline').count(), 0);
    assert.deepEqual(unexpected(faults), []);
  });

  test('refused: the page keeps its frame, and says why and what to do', { skip, timeout: 60_000 }, async (t) => {
    const server = await serving(t, '--data', folder(t));
    const { page: p, faults } = await page(t);
    await p.goto(`${server.url}/#/nodes/nobody`);
    await p.getByRole('alert').filter({ hasText: /nobody/ }).first().waitFor();
    await p.getByRole('navigation', { name: 'Views' }).first().waitFor();
    await p.goto(`${server.url}/#/nowhere`);
    await p.getByRole('heading', { name: 'There is no such page.' }).waitFor();
    await p.getByRole('link', { name: 'Go to the chart' }).click();
    await p.getByRole('heading', { name: 'No node reports yet.' }).first().waitFor();

    // As behind a proxy without a login: the server refuses all of it, but for what the page
    // has of its own by then.
    await p.goto(`${server.url}/#/services`);
    await p.getByText('No service is known yet.').waitFor();
    await p.goto(`${server.url}/#/chart`);
    await p.context().setExtraHTTPHeaders({ 'x-forwarded-for': '198.51.100.7' });
    await p.goto(`${server.url}/#/services`);
    const refused = p.getByRole('alert').filter({ has: p.locator('code') });
    await refused.waitFor();
    await refused.getByRole('button', { name: 'Try again' }).waitFor();
    await p.getByRole('heading', { name: 'Services' }).waitFor();
    await p.context().setExtraHTTPHeaders({});
    await refused.getByRole('button', { name: 'Try again' }).click();
    await p.getByText('No service is known yet.').waitFor();
    assert.deepEqual(unexpected(faults), []);
  });
});
