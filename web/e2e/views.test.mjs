// The pages of nodes, services, the history and the map, in a real browser, against a made-up site.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing, page, program } from './dotm.mjs';

const skip = missing() || false;
const out = fileURLToPath(new URL('out/', import.meta.url));
const binary = fileURLToPath(new URL('../../bin/dotm', import.meta.url));

/** A running `dotm demo` that has its past, and what its API answers. */
async function demo(t) {
  const p = program(t, binary, ['demo', '--hosts', '40', '--listen', '127.0.0.1:0']);
  const [, url] = await p.line(/Open (http:\S+)/);
  const get = async (path) => (await fetch(`${url}/api/v1/${path}`)).json();
  return { url, get };
}

/** Waits until `is` says so of what is asked, for at most 60 s. */
async function until(ask, is) {
  const end = Date.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (is(answer)) return answer;
    assert.ok(Date.now() < end, `still ${JSON.stringify(answer).slice(0, 500)}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

const shown = (locator) => locator.waitFor({ state: 'visible', timeout: 30_000 });

test('nodes, services, history and map of a made-up site', { skip, timeout: 240_000 }, async (t) => {
  mkdirSync(out, { recursive: true });
  const site = await demo(t);
  const { nodes } = await site.get('nodes');
  const { name } = nodes.find((n) => n.services > 1 && n.connections > 3 && n.kind === 'host');
  await until(() => site.get(`nodes/${name}/recent`), (r) => r.node.open.filter((p) => p !== null).length > 10);
  const { page: p, faults } = await page(t);

  await t.test('a node has its last hour, which the keys walk over', async () => {
    await p.goto(`${site.url}/#/nodes/${name}`);
    const area = p.locator('.spark-area').first();
    await shown(area);
    assert.match(await area.getAttribute('aria-label'), /^Open connections: [\d,]+; in the last hour/);
    await area.focus();
    await p.keyboard.press('End');
    const last = await area.getAttribute('aria-valuetext');
    await p.keyboard.press('ArrowLeft');
    await until(() => area.getAttribute('aria-valuetext'), (said) => said !== last);
    await shown(p.locator('.spark-rule'));
    await shown(p.locator('table[aria-label^="Services of"] .mini-line').first());
    assert.ok((await p.locator('.peer').count()) > 0);
    await p.screenshot({ path: join(out, 'node.png'), fullPage: true });
  });

  await t.test('services are by process, narrowed, sorted, and lead to each one', async () => {
    await p.goto(`${site.url}/#/services`);
    const rows = p.locator('table[aria-label="Services by process"] tbody tr');
    await shown(rows.first());
    const { services } = await site.get('services');
    const named = new Set(services.map((s) => s.process || `${s.protocol} :${s.port}`));
    assert.equal(await rows.count(), named.size);
    await p.getByRole('button', { name: 'Nodes', exact: true }).last().click();
    const counts = (await rows.locator('td:nth-child(4)').allTextContents()).map((n) => Number(n.replace(/\D/g, '')));
    assert.deepEqual(counts, [...counts].sort((a, b) => b - a));
    await p.locator('input[aria-label="Find services"]').fill('sshd');
    await p.locator('input[aria-label="Find services"]').press('Enter');
    await until(() => rows.count(), (n) => n === 1);
    assert.match(p.url(), /find=sshd/);
    await rows.first().click();
    await shown(p.getByRole('heading', { level: 1, name: 'sshd' }));
    const each = p.locator('table[aria-label="Services"] tbody tr');
    assert.ok((await each.count()) > 1);
    assert.match(p.url(), /process=sshd/);
  });

  await t.test('the history plays from change to change, and the keys step', async () => {
    await until(() => site.get('events?limit=50'), (e) => e.events.length > 20);
    const { now } = await site.get('history');
    const at = new Date(Date.parse(now) - 3 * 3_600_000).toISOString().replace(/\.\d+Z/, 'Z');
    await p.goto(`${site.url}/#/history?at=${at}`);
    await p.locator('select.speed').selectOption('fast');
    const play = p.locator('button.play');
    await play.click();
    const moment = () => new URLSearchParams(p.url().split('?')[1]).get('at');
    await until(async () => moment(), (m) => m !== null && Date.parse(m) > Date.parse(at));
    const first = moment();
    await until(async () => moment(), (m) => m !== null && Date.parse(m) > Date.parse(first));
    await play.click();
    await shown(p.locator('button.play', { hasText: 'Play' }));
    await p.locator('h1').click();
    const here = moment();
    await p.keyboard.press(',');
    await until(async () => moment(), (m) => m !== null && Date.parse(m) < Date.parse(here));
    const before = moment();
    // The list of changes may be on its way: keys wait for nobody.
    await shown(p.locator('.timeline-tools button.change:enabled', { hasText: 'Next change' }));
    await p.keyboard.press('.');
    await until(async () => moment(), (m) => m !== null && Date.parse(m) > Date.parse(before));
    await p.keyboard.press('l');
    await until(async () => moment(), (m) => m === null);
    await p.screenshot({ path: join(out, 'history-views.png') });
  });

  await t.test('the map shows places without asking anybody, and says what is missing', async () => {
    await p.goto(`${site.url}/#/chart`);
    await p.keyboard.press('/');
    await p.locator('.palette input').fill('map of the world');
    await p.keyboard.press('Enter');
    await until(async () => p.url(), (u) => u.includes('#/geo'));
    const spots = p.locator('.spot');
    await shown(spots.first());
    const { places } = await site.get('geo');
    assert.ok(places.length > 0);
    await until(() => p.locator('table[aria-label="Places of nodes"] tbody tr').count(), (n) => n === places.length);
    assert.match(await p.locator('.geo-hints').textContent(), /No GeoIP file is configured/);
    await until(() => p.locator('dialog[open]').count(), (n) => n === 0);
    await spots.first().press('Enter');
    await shown(p.locator('.place-card'));
    assert.match(await p.locator('.place-card h3').first().textContent(), /: \d+ nodes/);
    await p.screenshot({ path: join(out, 'map.png') });
  });

  assert.deepEqual(faults, []);
});
