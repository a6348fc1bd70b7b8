// Trouble in a real browser, against a real dotm: four nodes report, monitoring hands over
// results, and what dotm makes of them is read, shown as a path, acknowledged, and over.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder, missing, page, program, until } from './dotm.mjs';

const skip = missing() || false;
const binary = process.env.DOTM_BINARY ?? join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/dotm');
const out = fileURLToPath(new URL('out/', import.meta.url));

/** A shop: web01 calls app01, which calls db01, as cron01 does. */
const HOSTS = [
  { name: 'web01', address: '10.9.0.1', listens: [['nginx', 80]], calls: [['nginx', '10.9.0.2', 9292]], called: [] },
  { name: 'app01', address: '10.9.0.2', listens: [['puma', 9292]], calls: [['puma', '10.9.0.3', 5432]], called: [['puma', '10.9.0.1', 9292]] },
  { name: 'db01', address: '10.9.0.3', listens: [['postgres', 5432]], calls: [], called: [['postgres', '10.9.0.2', 5432], ['postgres', '10.9.0.4', 5432]] },
  { name: 'cron01', address: '10.9.0.4', listens: [['sshd', 22]], calls: [['reports', '10.9.0.3', 5432]], called: [] },
];

/** What an agent of a host says; `refused` are attempts of its calls that were refused since the report before. */
function report({ name, address, listens, calls, called }, sequence, refused = 0) {
  const row = (direction, [process, peer, port], more = {}) => ({ direction, protocol: 'tcp', process, peer, port, count: 4, opened: 1, ...more });
  return {
    version: '1.1',
    node: { name, identity: { kind: 'machine-id', value: name.padEnd(32, '0').replace(/[^0-9a-f]/g, 'a') } },
    agent: { version: 'test', method: 'sock_diag', instance: name },
    sequence,
    time: new Date().toISOString(),
    span_ms: 1000,
    interval_ms: 1000,
    interfaces: [{ name: 'eth0', addresses: [`${address}/24`] }],
    listeners: listens.map(([process, port]) => ({ protocol: 'tcp', address: '0.0.0.0', port, process })),
    connections: [...calls.map((c) => row('out', c, refused ? { refused, opened: 0 } : {})), ...called.map((c) => row('in', c, { local: '0.0.0.0' }))],
    coverage: {},
    cost: {},
  };
}

/** A dotm to which these hosts report every second, and a way to call it. */
async function shop(t) {
  // Before the server's own end, so that nobody reports to one that is gone.
  let timer;
  let busy = Promise.resolve();
  t.after(async () => {
    clearInterval(timer);
    await busy.catch(() => {});
  });
  const p = program(t, binary, ['serve', '--data', folder(t), '--listen', '127.0.0.1:0']);
  const [, url] = await p.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  const call = async (method, path, body) => {
    const answer = await fetch(`${url}/api/v1/${path}`, { method, ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
    return answer.json().catch(() => null);
  };
  const site = { url, call, refused: 0 };
  let sequence = 0;
  const tell = async () => {
    sequence++;
    for (const host of HOSTS) await call('POST', 'reports', report(host, sequence, host.name === 'app01' ? site.refused : 0));
  };
  await tell();
  timer = setInterval(() => (busy = busy.then(tell, tell)), 1000);
  await call('POST', 'sources', { name: 'passive', kind: 'passive' });
  return site;
}

const BAD = { db01: ['postgres', 5432], app01: ['puma', 9292], web01: ['nginx', 80] };

/** Hands over a result for each host. */
function results(status, hosts = Object.keys(BAD)) {
  return { checks: hosts.map((host) => ({ host, name: `${BAD[host][0]} answers`, port: BAD[host][1], status, output: status === 'OK' ? 'OK - 3 ms' : `CRITICAL - ${BAD[host][0]} refused <b>` })) };
}

/** Whether the canvas has a colour of the theme. */
const drawn = (p, name) =>
  p.evaluate((variable) => {
    const probe = document.createElement('i');
    probe.style.color = `var(${variable})`;
    document.body.append(probe);
    const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
    probe.remove();
    const c = document.querySelector('.stage canvas');
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b) n++;
    return n;
  }, name);

test('an incident from its list to its path on the chart, acknowledged, asked about, and over without a reload', { skip, timeout: 60_000 }, async (t) => {
  const { url, call } = await shop(t);
  const { page: p, faults } = await page(t);
  await p.goto(`${url}/#/incidents`);
  await p.getByRole('heading', { name: 'All quiet' }).waitFor();
  const asked = [];
  p.on('request', (r) => asked.push(r.url()));

  // It opens on the open page, told by the stream.
  await call('POST', 'checks', results('CRITICAL'));
  const card = p.locator('article.incident');
  await card.getByText(/postgres/).first().waitFor({ timeout: 10_000 });
  await until(async () => (await call('GET', 'incidents')).incidents[0]?.bad === 3);
  await card.locator('.causes li.first', { hasText: 'db01 postgres:5432' }).waitFor();
  assert.match(await card.locator('.causes li.first p').innerText(), /CRITICAL/);
  assert.equal(await card.locator('b b, .quote b').count(), 0, 'what monitoring says is text');
  await card.locator('.confirmed li').nth(2).waitFor();
  await p.locator('.incident-list a[aria-current]').waitFor();

  // The path on the chart: what it is of is said, what follows stands beside it, and it is drawn.
  await card.getByRole('link', { name: 'Show on chart' }).click();
  await p.waitForURL(/chart\?.*incident=/);
  const path = p.getByRole('complementary', { name: 'Path of trouble' });
  await path.getByText('Confirmed').waitFor();
  await path.getByText('Predicted').waitFor();
  await path.locator('.brief-list li', { hasText: 'cron01' }).waitFor();
  await p.getByRole('img', { name: /the path of trouble is shown: .*3 boxes in trouble, 1 predicted/ }).waitFor();
  await until(async () => (await drawn(p, '--critical')) > 300);
  for (const level of ['Nodes', 'Pools', 'Services']) {
    await p.getByRole('button', { name: level, exact: true }).click();
    await p.getByRole('img', { name: /3 boxes in trouble, 1 predicted/ }).waitFor();
    await until(async () => (await drawn(p, '--critical')) > 300);
  }

  // The link shows the same elsewhere; Escape takes the path back, and so does the button.
  const link = p.url();
  await p.keyboard.press('Escape');
  await p.getByRole('complementary', { name: 'Overview' }).waitFor();
  assert.doesNotMatch(p.url(), /incident=/);
  await p.goto('about:blank');
  await p.goto(link);
  await path.getByRole('heading', { level: 2 }).first().waitFor();
  await p.locator('.path-line').getByRole('button', { name: 'Close' }).click();
  await p.locator('.path-line').waitFor({ state: 'detached' });

  // What if, by key, for what is selected; with another one; on other pages as a dialog.
  await p.goto(`${url}/#/chart?node=db01`);
  await p.getByRole('complementary', { name: 'Selection' }).waitFor();
  await p.keyboard.press('w');
  await path.getByRole('heading', { name: 'What if this fails?' }).waitFor();
  await path.getByText(/^If db01 fails: 3 that need it are in trouble already/).waitFor();
  await path.locator('.effects', { hasText: 'would fail next' }).getByText('cron01').first().waitFor();
  await path.getByRole('combobox').fill('web01');
  await path.getByRole('option', { name: /^web01\s*node/ }).click();
  await p.waitForURL(/fails=db01,web01/);
  await path.getByText(/^If db01, web01 fail:/).waitFor();
  await p.goto(`${url}/#/nodes/db01?needs=db01`);
  const dialog = p.getByRole('dialog', { name: 'Who needs this?' });
  await dialog.getByText(/seen to use it in \d+ covered days?/).waitFor();
  await dialog.getByText('app01').first().waitFor();
  assert.doesNotMatch(await dialog.innerText(), /unused/i);
  await p.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.doesNotMatch(p.url(), /needs=/);

  // A key asks for a comment, Escape gives the focus back, Enter says that somebody takes care.
  await p.goto(`${url}/#/incidents`);
  await card.getByRole('button', { name: /^Acknowledge/ }).first().waitFor();
  await p.keyboard.press('a');
  await p.getByRole('textbox', { name: 'Comment' }).waitFor();
  assert.equal(await p.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Comment');
  await p.keyboard.press('Escape');
  await p.getByRole('textbox', { name: 'Comment' }).waitFor({ state: 'detached' });
  assert.equal(await p.evaluate(() => document.activeElement.hasAttribute('data-ack')), true, 'the focus is where it was');
  await p.keyboard.press('a');
  await p.keyboard.type('on it');
  await p.keyboard.press('Enter');
  await card.getByText(/takes care of it, since .*on it/).waitFor();

  // It is over on the open page.
  await call('POST', 'checks', results('OK'));
  await p.getByRole('heading', { name: 'All quiet' }).waitFor({ timeout: 10_000 });
  await p.getByRole('heading', { name: 'Resolved, last 7 days' }).waitFor();
  const polls = asked.filter((u) => /incidents\?state=open/.test(u)).length;
  assert.ok(polls < 25, `open incidents were asked for ${polls} times`);
  assert.deepEqual(faults, []);
});

test('what the sockets show stands on its line: refused attempts, as a signal', { skip, timeout: 60_000 }, async (t) => {
  const site = await shop(t);
  const { page: p, faults } = await page(t);
  let line;
  await until(async () => {
    const { connections } = await site.call('GET', 'connections');
    line = connections.find((c) => c.client.node === 'app01' && c.server.node === 'db01');
    return line !== undefined;
  });
  await p.goto(`${site.url}/#/chart?connection=${encodeURIComponent(line.id)}`);
  const panel = p.getByRole('complementary', { name: 'Selection' });
  await panel.waitFor();
  site.refused = 5;
  await panel.locator('.signal', { hasText: /attempts to connect refused in the last minute/ }).waitFor({ timeout: 25_000 });
  await until(async () => (await drawn(p, '--critical')) > 100);
  assert.deepEqual(faults, []);
});

test('on a phone the incidents come first', { skip, timeout: 60_000 }, async (t) => {
  const { url, call } = await shop(t);
  await call('POST', 'checks', results('CRITICAL'));
  await until(async () => (await call('GET', 'incidents')).incidents[0]?.bad === 3);
  mkdirSync(out, { recursive: true });
  const { page: p, faults } = await page(t, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true });
  await p.goto(url);
  await p.waitForURL(/#\/incidents/);
  const short = p.locator('article.incident-short');
  await short.locator('.chain .cause', { hasText: 'db01' }).waitFor();
  await short.locator('.brief-list li', { hasText: 'likely next' }).first().waitFor();
  await p.screenshot({ path: join(out, 'incidents-390.png') });
  for (const [where, step] of [['the list', null], ['the chart', 'Show on chart']]) {
    if (step) await short.getByRole('link', { name: step }).click();
    if (step) await p.locator('.path-line').waitFor();
    // A sheet that slides in is wider for a moment.
    await until(() => p.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).catch(() => assert.fail(`${where} is wider than the window`));
  }
  await p.goBack();
  await short.getByRole('link', { name: 'Why this cause' }).click();
  await p.locator('article.incident .causes li.first').waitFor();
  assert.deepEqual(faults, []);
});
