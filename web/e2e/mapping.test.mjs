// Where checks belong, what is not monitored, and what a real Nagios is told: in a real
// browser, against a real dotm.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder, missing, page, site } from './dotm.mjs';
import { missingNagios, nagios } from './nagios.mjs';

const skip = missing() || false;
const port = 21_000 + (process.pid % 1_500) * 8;
const out = fileURLToPath(new URL('out/', import.meta.url));

const row = (p, text) => p.locator('tbody tr', { hasText: text });

const LONG = 'a-check-whose-name-is-as-long-as-names-may-be-in-most-systems-x';

/** Results of every kind of mapping, with names as bad as they come. */
function results(host, first) {
  return {
    checks: [
      { host, status: 'UP', output: 'PING OK' },
      { host, name: 'redis memory', port: first, status: 'CRITICAL', output: 'used memory 98 %' },
      { host, name: 'redis latency', status: 'WARNING', output: 'WARNING - 12 ms' },
      { host, name: 'disk /var', status: 'OK', output: 'DISK OK - 40 % free' },
      { host, name: `${LONG}`, status: 'UNKNOWN', output: 'nobody knows', acknowledged: true },
      { host, name: '</td><img src=x onerror=alert(1)> "quoted" \'a/b\'', status: 'WARNING', output: `bytes \uFFFD and <script>alert(2)</script>` },
      { host: 'legacy01', status: 'DOWN', output: 'no route to host' },
      { host: 'legacy01', name: 'batch', status: 'CRITICAL', output: 'did not run' },
    ],
  };
}

async function monitored(t, first) {
  const s = await site(t, first);
  await s.call('POST', 'sources', { name: 'passive', kind: 'passive' });
  await s.call('POST', 'checks', results(s.host, first));
  return s;
}

test('a check is put on its service by click, and the rule that this writes is seen before', { skip, timeout: 120_000 }, async (t) => {
  const { url, call, host } = await monitored(t, port);
  const { page: p, faults } = await page(t);
  await p.goto(`${url}/#/mapping`);
  await row(p, 'redis latency').filter({ hasText: '2 services would do' }).waitFor();
  assert.equal(await p.locator('main img, main script').count(), 0);

  // In doubt between two services: the candidates come first.
  await row(p, 'redis latency').getByRole('button', { name: 'Choose service' }).click();
  const dialog = p.getByRole('dialog');
  await dialog.getByRole('option').first().filter({ hasText: 'would do' }).waitFor();
  await p.keyboard.type(`redis ${port + 1}`);
  await dialog.getByRole('option').filter({ hasText: `:${port + 1}` }).click();
  const section = dialog.getByRole('region', { name: 'What this writes' });
  await section.getByText('Writes a rule, before all other rules').waitFor();
  await section.getByText(`Checks called “redis latency” of host “${host}” are about process “redis-server” on port ${port + 1}.`).waitFor();
  await section.getByText('Changes 1 mapping').waitFor();
  assert.deepEqual((await call('GET', 'settings')).settings.mapping, [], 'nothing is written so far');
  await section.getByRole('button', { name: 'Write this rule' }).click();
  await row(p, 'redis latency').filter({ hasText: 'rule 1' }).filter({ hasText: `redis-server :${port + 1}` }).waitFor();
  assert.equal((await call('GET', 'settings')).settings.mapping.length, 1);
  await p.getByRole('row', { name: 'Rule 1' }).locator('.rule-count').getByText('1').waitFor();

  // A host that is no node becomes one by an alias, from the link of its check.
  const [legacy] = (await call('GET', 'checks?host=legacy01')).checks;
  await p.goto(`${url}/#/checks/${encodeURIComponent(legacy.id)}`);
  await p.getByRole('dialog', { name: 'host legacy01' }).getByRole('button', { name: 'Choose what it is about' }).click();
  await p.getByRole('option').filter({ hasText: host }).first().click();
  await section.getByText(`Host “legacy01” is the node ${host}, with all of its checks.`).waitFor();
  await section.getByText('Changes 2 mappings').waitFor();
  await section.getByRole('button', { name: 'Write this alias' }).click();
  await p.getByRole('dialog', { name: `host ${host}` }).waitFor();
  assert.deepEqual((await call('GET', 'settings')).settings.aliases, { legacy01: host });
  assert.deepEqual(faults, []);
});

test('rules are written, tried, ordered and refused at their field', { skip, timeout: 120_000 }, async (t) => {
  const { url, call, host } = await monitored(t, port + 2);
  const { page: p, faults } = await page(t);
  await p.goto(`${url}/#/mapping`);
  await row(p, 'redis latency').waitFor();
  await p.getByRole('button', { name: 'Add a rule' }).click();
  await p.keyboard.type('latency('); // the first field has the focus
  await p.getByLabel('Port of rule 1').fill(String(port + 3));
  await p.getByRole('row', { name: 'Rule 1' }).locator('.error').filter({ hasText: 'Must be a regular expression' }).waitFor();
  assert.equal(await p.getByRole('button', { name: 'Save' }).isDisabled(), true);
  await p.getByLabel('Check name of rule 1').fill('latency');
  const section = p.getByRole('region', { name: 'What saving changes' });
  await section.getByText(/Changes 1 of \d+ mappings/).waitFor();
  await section.getByText(`redis-server :${port + 3} on ${host}`).waitFor();
  await p.getByRole('button', { name: 'Save' }).click();
  await row(p, 'redis latency').filter({ hasText: 'rule 1' }).waitFor();

  // A second one, moved to the front by key; then the first is removed.
  await p.getByRole('button', { name: 'Add a rule' }).click();
  await p.keyboard.type('^redis');
  await p.getByLabel('Port of rule 2').fill(String(port + 2));
  await p.keyboard.press('Alt+ArrowUp');
  assert.equal(await p.getByLabel('Check name of rule 1').inputValue(), '^redis');
  await p.getByLabel('Name of rule 1', { exact: true }).fill('all <b>redis</b>');
  await section.getByText(/Changes 1 of \d+ mappings/).waitFor();
  await p.getByRole('button', { name: 'Save' }).click();
  await row(p, 'redis latency').filter({ hasText: 'rule all <b>redis</b>' }).filter({ hasText: `:${port + 2}` }).waitFor();
  assert.deepEqual((await call('GET', 'settings')).settings.mapping.map((r) => r.check), ['^redis', 'latency']);
  await p.getByRole('button', { name: 'Remove rule 2' }).click();
  await section.getByText('Saving moves no check.').waitFor();
  await section.getByRole('button', { name: 'Undo the changes' }).click();
  assert.equal(await p.getByLabel('Check name of rule 2').inputValue(), 'latency');

  // Aliases likewise.
  await p.getByRole('button', { name: 'Add an alias' }).click();
  await p.keyboard.type('legacy01');
  await p.locator('.aliases li').last().getByLabel('Node').fill(host);
  await section.getByText(/Changes 2 of \d+ mappings/).waitFor();
  await p.getByRole('button', { name: 'Save' }).click();
  await p.locator('.figures div', { hasText: 'of no node' }).getByText('0').waitFor();
  assert.deepEqual(faults.filter((f) => !/status of 422/.test(f)), []);
});

test('the report says what nobody monitors, and what would', { skip, timeout: 120_000 }, async (t) => {
  const { url, host } = await monitored(t, port + 4);
  const { page: p, faults } = await page(t, { acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'] });
  await p.goto(`${url}/#/chart`);
  await p.locator('canvas').waitFor();
  await p.keyboard.press('g');
  await p.keyboard.press('r');
  await p.getByRole('heading', { name: 'Report', exact: true }).waitFor();
  const stray = p.getByRole('region', { name: 'Monitored hosts that are no node' });
  await stray.getByText('legacy01').first().waitFor();
  await stray.getByRole('link', { name: 'Say which node it is' }).click();
  await row(p, 'batch').waitFor();
  assert.match(p.url(), /#\/mapping\?by=none&find=legacy01/);
  await p.goBack();

  const definitions = p.getByRole('region', { name: 'Definitions' }).first();
  await definitions.getByRole('button', { name: 'Nagios' }).click();
  const text = p.locator('#definitions-text');
  await text.filter({ hasText: 'define ' }).or(p.getByText('There is nothing to define')).waitFor();
  if ((await text.count()) > 0) {
    await definitions.getByRole('button', { name: 'Copy' }).click();
    await definitions.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await p.evaluate(() => navigator.clipboard.readText()), await text.textContent());
    const [download] = await Promise.all([p.waitForEvent('download'), definitions.getByRole('link', { name: 'Download dotm.cfg' }).click()]);
    assert.equal(download.suggestedFilename(), 'dotm.cfg');
    assert.equal(readFileSync(await download.path(), 'utf8'), await text.textContent());
    await definitions.getByRole('button', { name: 'Icinga 2' }).click();
    await text.filter({ hasText: 'object ' }).waitFor();
  }
  assert.ok(host);
  assert.deepEqual(faults, []);
});

test('a check is found in the palette, and has a link', { skip, timeout: 120_000 }, async (t) => {
  const { url, host } = await monitored(t, port + 6);
  const { page: p, faults } = await page(t);
  await p.goto(`${url}/#/chart`);
  await p.locator('.alerts b').first().waitFor({ timeout: 20_000 });
  await p.keyboard.press('/');
  await p.keyboard.type('disk var'); // it is fine: the server finds it
  await p.getByRole('option', { name: 'disk /var' }).click();
  await p.getByRole('dialog', { name: `${host} disk /var` }).waitFor();
  assert.match(p.url(), /#\/chart\?check=/);
  await p.reload();
  await p.getByRole('dialog', { name: `${host} disk /var` }).waitFor();
  await p.keyboard.press('Escape');
  await p.getByRole('dialog').waitFor({ state: 'detached' });
  await p.waitForFunction(() => !location.hash.includes('check='));
  assert.deepEqual(faults, []);
});

test('a real Nagios is read, told that somebody takes care, and read again at once', { skip: skip || missingNagios() || false, timeout: 180_000 }, async (t) => {
  const { url, call, host } = await site(t, port);
  const real = await nagios(t, folder(t), host, [['redis', 'redis memory'], ['disk', 'disk /var']]);
  real.say('redis', 2, 'used memory 98 %');
  await call('POST', 'sources', { name: 'site', kind: 'nagios', url: real.url, interval: '1s', acknowledge: true });
  const { page: p, faults } = await page(t);
  await p.goto(`${url}/#/checks`);
  await row(p, 'redis memory').filter({ hasText: 'used memory 98 %' }).waitFor({ timeout: 60_000 });
  await row(p, 'redis memory').click();
  const dialog = p.getByRole('dialog', { name: `${host} redis memory` });
  await dialog.getByRole('button', { name: 'Acknowledge in site…' }).click();
  await dialog.getByText('Acknowledges the problem in Nagios.').waitFor();
  await dialog.getByLabel('Comment').fill('on it "today"; <b>');
  await dialog.getByRole('button', { name: 'Acknowledge in site', exact: true }).click();
  await dialog.getByRole('status').waitFor();
  // Nagios itself says so, and then the page.
  await dialog.getByText('Somebody takes care of it.').waitFor({ timeout: 30_000 });
  await p.keyboard.press('Escape');
  await p.getByRole('row').filter({ hasText: 'redis memory' }).getByRole('img', { name: 'CRITICAL, taken care of' }).waitFor();

  // It clears, and a refresh tells at once, though the next poll is far away.
  await call('PUT', 'sources/site', { kind: 'nagios', url: real.url, interval: '10m', acknowledge: true });
  await p.goto(`${url}/#/settings`);
  const item = p.getByRole('region', { name: 'site' });
  await item.getByText(/Nagios.*1 host, \d checks/).first().waitFor({ timeout: 30_000 });
  real.say('redis', 0, 'used memory 12 %');
  const fine = async () => {
    await item.getByRole('button', { name: 'Refresh now' }).click();
    const { checks } = await call('GET', 'checks?find=redis');
    return checks[0]?.status === 'OK';
  };
  for (const end = Date.now() + 30_000; !(await fine()); ) {
    assert.ok(Date.now() < end, 'a refresh reads what Nagios says by now');
    await p.waitForTimeout(300);
  }
  await p.goto(`${url}/#/checks`);
  await row(p, 'used memory 12 %').waitFor();

  // What was declared there stands on the page of the node.
  await p.goto(`${url}/#/nodes/${encodeURIComponent(host)}`);
  const declared = p.getByRole('region', { name: 'Declared in site' });
  await declared.getByText('shop servers').waitFor();
  assert.match(await declared.innerText(), /Depends on[\s\S]*for disk \/var/);
  mkdirSync(out, { recursive: true });
  await declared.scrollIntoViewIfNeeded();
  await p.screenshot({ path: join(out, 'map-declared-light-1440.png') });
  assert.deepEqual(faults, []);
});

for (const [name, options] of [
  ['light-1440', { colorScheme: 'light' }],
  ['dark-1440', { colorScheme: 'dark' }],
  ['light-390', { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
  ['dark-390', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
]) {
  test(`pictures of mappings and report, ${name}: nothing overflows`, { skip, timeout: 120_000 }, async (t) => {
    const { url, call, host } = await monitored(t, port + 4);
    await call('PATCH', 'settings', {
      mapping: [{ check: '^redis memory', process: '^redis' }, { name: 'billing', check: 'backend', host: '^app[0-9]+', process: 'java', port: 8081 }],
      aliases: { 'db-main': host },
    });
    const { page: p, faults } = await page(t, options);
    mkdirSync(out, { recursive: true });
    const [check] = (await call('GET', 'checks?find=latency')).checks;
    for (const [picture, view, wait] of [
      ['mapping', 'mapping', 'tbody tr'],
      ['report', 'report', '.found-list li'],
      ['checks', 'checks', 'tbody tr'],
      ['check', `checks/${encodeURIComponent(check.id)}`, 'dialog[open] .facts'],
      ['correct', `checks/${encodeURIComponent(check.id)}`, 'dialog[open] .facts'],
    ]) {
      await p.goto(`${url}/#/${view}`);
      await p.locator(wait).first().waitFor({ timeout: 20_000 });
      if (picture === 'correct') {
        await p.getByRole('dialog').getByRole('button', { name: 'Choose what it is about' }).click();
        await p.getByRole('option').first().click();
        await p.locator('.consequence button').first().waitFor();
      }
      await p.screenshot({ path: join(out, `map-${picture}-${name}.png`) });
      const wide = await p.evaluate(() => Math.max(document.documentElement.scrollWidth - innerWidth, ...[...document.querySelectorAll('.scroll, dialog[open]')].map((e) => e.scrollWidth - e.clientWidth)));
      assert.ok(wide <= 0, `${picture} is ${wide} px wider than the window`);
    }
    assert.deepEqual(faults, []);
  });
}
