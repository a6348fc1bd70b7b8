// What monitoring says, in a real browser, against a real dotm that is sent results
// and reads a source that nobody answers for.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing, page, site } from './dotm.mjs';

const skip = missing() || false;
const port = 11_000 + (process.pid % 1_500) * 6;
const out = fileURLToPath(new URL('out/', import.meta.url));

const row = (p, text) => p.locator('tbody tr', { hasText: text });

/** Hands over results: one service in trouble, one that is taken care of, a host that nobody knows. */
function results(host, first, memory = { status: 'CRITICAL', output: 'CRITICAL - used memory 98 % <img src=x onerror=alert(1)>' }) {
  return {
    checks: [
      { host, status: 'UP', output: 'PING OK' },
      { host, name: 'redis memory', port: first, link: 'https://monitoring.example/memory', ...memory },
      { host, name: 'redis latency', port: first + 1, status: 'WARNING', output: 'WARNING - 12 ms', acknowledged: true },
      { host, name: 'disk /var', status: 'WARNING', output: 'DISK WARNING - 8 % free', downtime: true },
      { host: 'legacy01', status: 'DOWN', output: 'no route to host' },
    ],
  };
}

test('an alert stands on the service that it is about, and goes with it', { skip, timeout: 120_000 }, async (t) => {
  const { url, call, host } = await site(t, port);
  const { page: p, faults } = await page(t);
  await p.goto(`${url}/#/checks`);
  await p.getByRole('heading', { name: 'No monitoring system is read yet.' }).waitFor();

  // A source that takes results is added in the settings, and results come.
  await p.getByRole('link', { name: 'Add a source in the settings' }).click();
  await p.getByRole('button', { name: 'Add a source' }).click();
  await p.locator('#source-name').fill('passive');
  await p.locator('#source-kind').selectOption('passive');
  await p.getByRole('button', { name: 'Add it' }).click();
  await p.getByText('takes results').or(p.getByText('not read yet')).waitFor();
  await call('POST', 'checks', results(host, port));

  // The list has the worst first; what comes from outside is text.
  await p.goto(`${url}/#/checks`);
  await row(p, 'redis memory').filter({ hasText: `:${port}` }).filter({ hasText: '<img src=x onerror=alert(1)>' }).waitFor();
  assert.equal(await p.locator('tbody img').count(), 0);
  assert.match(await p.locator('tbody tr').first().innerText(), /legacy01/);
  await p.locator('.alerts').filter({ hasText: '1' }).waitFor({ timeout: 20_000 });

  // In full it says why, and leads to the monitoring system and to the chart.
  await row(p, 'redis memory').click();
  const dialog = p.getByRole('dialog', { name: `${host} redis memory` });
  await dialog.locator('.chip', { hasText: 'port' }).waitFor();
  const link = dialog.getByRole('link', { name: 'Open in passive' });
  assert.equal(await link.getAttribute('href'), 'https://monitoring.example/memory');
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
  await dialog.getByRole('link', { name: `redis-server :${port} on ${host}` }).click();
  const panel = p.getByRole('complementary', { name: 'Selection' });
  await panel.getByRole('img', { name: 'CRITICAL' }).first().waitFor();
  await panel.getByText('used memory 98 %').waitFor();

  // What is taken care of is another shape.
  await p.goto(`${url}/#/chart?service=${encodeURIComponent(`${host}~tcp~${port + 1}`)}`);
  await panel.getByRole('img', { name: 'WARNING, taken care of' }).first().waitFor();
  await panel.getByText('acknowledged').waitFor();
  await p.goto(`${url}/#/nodes/${encodeURIComponent(host)}`);
  await p.getByRole('table', { name: `Checks of ${host}` }).waitFor();
  assert.equal(await p.getByRole('table', { name: `Checks of ${host}` }).locator('tbody tr').count(), 4);

  // It clears by itself, on the open page.
  await p.goto(`${url}/#/chart?service=${encodeURIComponent(`${host}~tcp~${port}`)}`);
  await panel.getByRole('img', { name: 'CRITICAL' }).first().waitFor();
  await call('POST', 'checks', results(host, port, { status: 'OK', output: 'OK - 12 %' }));
  await panel.getByRole('img', { name: 'OK', exact: true }).first().waitFor({ timeout: 5_000 });

  // The past knows of it.
  await p.goto(`${url}/#/history?subject=check`);
  await row(p, 'redis memory').filter({ hasText: 'from CRITICAL to OK' }).waitFor({ timeout: 10_000 });
  assert.deepEqual(faults, []);
});

test('a source that can’t be read says so on every page, and in its form', { skip, timeout: 120_000 }, async (t) => {
  const { url, call } = await site(t, port + 2);
  await call('POST', 'sources', { name: 'icinga', kind: 'icinga2', url: 'https://127.0.0.1:1', user: 'dotm', password: 'hush-4711' });
  const { page: p, faults } = await page(t);
  await p.goto(url);
  await p.getByText(/Monitoring can’t be read from icinga\. .*127\.0\.0\.1:1/).waitFor({ timeout: 30_000 });
  await p.getByRole('link', { name: 'Sources' }).click();
  const item = p.getByRole('region', { name: 'icinga' });
  await item.getByText('can’t be read').first().waitFor();
  assert.equal((await p.content()).includes('hush-4711'), false);

  // The form says what is wrong, tests without keeping, and an edit keeps the name.
  await item.getByRole('button', { name: 'Edit' }).click();
  await p.getByRole('button', { name: 'Test' }).click();
  await p.locator('#source-url-said.error').filter({ hasText: '127.0.0.1:1' }).waitFor({ timeout: 30_000 });
  assert.equal(await p.locator('#source-name').isDisabled(), true);
  await p.keyboard.press('Escape');
  await item.getByRole('button', { name: 'Remove' }).click();
  await p.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await item.waitFor({ state: 'detached' });
  await p.getByText(/Monitoring can’t be read/).waitFor({ state: 'detached' });
  assert.deepEqual(faults.filter((f) => !/status of 422/.test(f)), []);
});

for (const [name, options] of [
  ['light-1440', { colorScheme: 'light' }],
  ['dark-1440', { colorScheme: 'dark' }],
  ['light-390', { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
  ['dark-390', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
]) {
  test(`pictures of alerts, ${name}: nothing overflows`, { skip, timeout: 120_000 }, async (t) => {
    const { url, call, host } = await site(t, port + 4);
    await call('POST', 'sources', { name: 'passive', kind: 'passive' });
    await call('POST', 'checks', results(host, port + 4));
    const { page: p, faults } = await page(t, options);
    mkdirSync(out, { recursive: true });
    const width = options.viewport?.width ?? 1440;
    for (const [picture, view] of [['chart', 'chart'], ['service', `chart?service=${encodeURIComponent(`${host}~tcp~${port + 4}`)}`], ['checks', 'checks'], ['node', `nodes/${encodeURIComponent(host)}`], ['settings', 'settings']]) {
      await p.goto(`${url}/#/${view}`);
      await p.locator('.alerts b').first().waitFor({ timeout: 20_000 });
      await p.locator('canvas, tbody tr, .source').first().waitFor();
      await p.screenshot({ path: join(out, `alerts-${picture}-${name}.png`) });
      const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${picture} is ${wide} px wider than the window`);
      const bar = await p.locator('.top .live').boundingBox();
      assert.ok(bar.x + bar.width <= width, 'the top bar has room for all of it');
    }
    assert.deepEqual(faults, []);
  });
}
