// A fleet, in a real browser, against a real dotm that serves others: the login,
// every way in, and what goes wrong.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { agent, folder, missing, original, page, serve } from './dotm.mjs';

const skip = missing() || false;
const PASSWORD = 'correct horse battery';
const out = fileURLToPath(new URL('out/', import.meta.url));
const OPTIONS = { ignoreHTTPSErrors: true };
/** What the browser says of a request that asked for a login, or of a field that was wrong. */
const EXPECTED = /status of (401|409|422|429)|net::ERR_/;

const row = (p, text) => p.locator('tbody tr', { hasText: text });
const unexpected = (faults) => faults.filter((f) => !EXPECTED.test(f));

/** A server that serves others, and a page on which the admin is. */
async function logged(t, options = {}) {
  const data = folder(t);
  const server = await serve(t, data);
  const open = await page(t, { ...OPTIONS, ...options });
  await open.page.goto(server.setup);
  await open.page.getByLabel('New password').fill(PASSWORD);
  await open.page.getByLabel('The same again').fill(PASSWORD);
  await open.page.getByRole('button', { name: 'Set the password' }).click();
  await open.page.getByText('Live', { exact: true }).waitFor();
  return { data, server, ...open, p: open.page };
}

/** Logs in where the page asks for it. */
async function login(p, password = PASSWORD) {
  await p.getByLabel('User').fill('admin');
  await p.getByLabel('Password').fill(password);
  await p.getByRole('button', { name: 'Log in' }).click();
}

test('the first password, a wrong one, and back to where one was', { skip, timeout: 120_000 }, async (t) => {
  const { server, p, context, faults } = await logged(t);
  assert.equal(new URL(p.url()).hash.includes('setup'), false, 'the secret is not in the address');
  assert.equal(new URL(p.url()).pathname, '/');

  // Out, and in again.
  await p.getByRole('button', { name: 'Logged in as admin' }).click();
  await p.getByRole('button', { name: 'Log out' }).click();
  await p.getByRole('heading', { name: 'Log in' }).waitFor();
  await login(p, 'wrong');
  await p.getByText('This user and password do not fit.').waitFor();
  await p.goto(`${server.url}/#/settings`);
  await login(p);
  await p.getByRole('heading', { name: 'Settings' }).waitFor();

  // A session that ends in the middle: the next answer, or the stream, says so.
  await p.goto(`${server.url}/#/nodes?find=nothing`);
  await p.getByRole('heading', { name: 'Nodes' }).waitFor();
  await context.clearCookies();
  await p.goto(`${server.url}/#/nodes?list=agents`); // whatever asks first finds out
  await p.getByText('Your session ended.').waitFor();
  await login(p);
  await p.getByText('No agent has enrolled yet.').waitFor();
  await p.getByText('Live', { exact: true }).waitFor();

  // The link of the first password works once.
  await p.goto('about:blank');
  await p.goto(server.setup);
  await p.getByLabel('New password').fill(PASSWORD);
  await p.getByLabel('The same again').fill(PASSWORD);
  await p.getByRole('button', { name: 'Set the password' }).click();
  await p.getByText('This link was used already').waitFor();
  assert.deepEqual(unexpected(faults), []);
});

test('a session that the server ends stops the stream, and the login starts it again', { skip, timeout: 60_000 }, async (t) => {
  const { p, context, faults } = await logged(t);
  // Somebody ends it elsewhere; the page itself does nothing.
  await context.request.post(new URL('/api/v1/logout', p.url()).href, { data: {} });
  await p.getByText('Your session ended.').waitFor();
  await login(p);
  await p.getByText('Live', { exact: true }).waitFor();
  assert.deepEqual(unexpected(faults), []);
});

test('people: invited by a link, with a role, and their session is ended', { skip, timeout: 90_000 }, async (t) => {
  const { server, p, faults } = await logged(t);
  await p.goto(`${server.url}/#/settings`);
  const people = p.getByRole('region', { name: 'People' });
  await people.getByRole('button', { name: 'Add a user' }).click();
  await p.getByLabel('Name', { exact: true }).fill('bob@example.org');
  await p.getByRole('dialog').getByLabel('Role').selectOption('operator');
  await p.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  const link = new URL((await p.getByRole('dialog').locator('.command code').innerText()).trim());
  link.hostname = '127.0.0.1';
  await p.getByRole('dialog').getByLabel('Close').click();

  // Somebody else, in a browser of their own.
  const other = await page(t, OPTIONS);
  await other.page.goto(link.href);
  await other.page.getByText('For the user bob@example.org.').waitFor();
  await other.page.getByLabel('New password').fill(PASSWORD);
  await other.page.getByLabel('The same again').fill(PASSWORD);
  await other.page.getByRole('button', { name: 'Set the password' }).click();
  await other.page.getByText('Live', { exact: true }).waitFor();
  await other.page.goto(`${server.url}/#/settings`);
  await other.page.getByRole('heading', { name: 'Your sessions' }).waitFor();
  assert.equal(await other.page.getByRole('region', { name: 'People' }).count(), 0);
  assert.equal(await other.page.getByLabel('Ageing limit').count(), 0, 'an operator changes names alone');
  await other.page.getByLabel('Names', { exact: false }).first().waitFor();

  // The admin sees them, ends their session, and reads who did what.
  await p.reload();
  await p.getByLabel('End the session of bob@example.org').click();
  await p.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
  await other.page.getByText('Your session ended.').waitFor();
  const log = p.getByRole('region', { name: 'Audit log' });
  await log.getByLabel('Search the audit log').fill('end-session bob');
  await log.locator('.audit > li', { hasText: 'end session bob@example.org' }).waitFor();
  await log.getByLabel('Search the audit log').fill('setup bob');
  await log.locator('.audit > li', { hasText: 'bob@example.org setup' }).waitFor();
  assert.deepEqual(unexpected(faults), []);
  assert.deepEqual(unexpected(other.faults), []);
});

test('every way in: an agent with a token, plain text, SSH, and what went wrong', { skip, timeout: 120_000 }, async (t) => {
  const { data, server, p, faults } = await logged(t);
  await p.getByRole('link', { name: 'Nodes' }).first().click();

  // A token, shown once, makes an agent report.
  await p.getByRole('button', { name: 'Add a node' }).click();
  const sheet = p.getByRole('dialog', { name: 'Add a node' });
  await sheet.getByText(`--server ${server.url}`).waitFor();
  await sheet.getByRole('button', { name: 'Make a token' }).click();
  await sheet.getByText('Shown this once.').waitFor();
  const token = (await sheet.locator('.command code').first().innerText()).trim();
  await agent(t, data, server.url, token);
  await p.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  await row(p, 'this node').filter({ hasText: 'reports' }).filter({ hasText: 'agent ' }).waitFor();

  // Errors stand at their field, and what is right is asked.
  const port = await original(t, 'web7');
  await p.getByRole('button', { name: 'Add a node' }).click();
  await sheet.getByRole('button', { name: 'Plain text' }).click();
  await sheet.getByLabel('Address').fill('web7:99999');
  await sheet.getByRole('button', { name: 'Add it' }).click();
  await sheet.getByText(/Must have a port of 1 to 65535/).waitFor();
  assert.equal(await sheet.getByLabel('Address').getAttribute('aria-invalid'), 'true');
  await sheet.getByLabel('Address').fill(`127.0.0.1:${port}`);
  await sheet.getByRole('button', { name: 'Add it' }).click();
  await row(p, `text://127.0.0.1:${port}`).filter({ hasText: 'web7' }).waitFor({ timeout: 15_000 });

  // One that cannot be reached says so, in words, and is removed again.
  await p.getByRole('button', { name: 'Add a node' }).click();
  await sheet.getByRole('button', { name: 'SSH' }).click();
  await sheet.getByLabel('Address').fill('dotm@127.0.0.1:1');
  await sheet.getByRole('button', { name: 'Add it' }).click();
  const failing = row(p, 'ssh://dotm@127.0.0.1:1');
  await failing.filter({ hasText: /Node (can't be reached|refuses)/ }).waitFor({ timeout: 15_000 });
  await p.getByRole('button', { name: /^Nodes/ }).click();
  await p.getByRole('button', { name: /^Failing/ }).click();
  await row(p, 'ssh://dotm@127.0.0.1:1').filter({ hasText: 'fails' }).waitFor();
  assert.equal(await p.locator('tbody tr').count(), 1, 'only what fails is left');
  await p.getByRole('button', { name: /^Asked/ }).click();
  await failing.getByRole('button', { name: 'Remove' }).click();
  await p.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await failing.waitFor({ state: 'detached' });

  // Those that it talks to are suggested, with the evidence.
  await p.getByRole('button', { name: /^Suggestions/ }).click();
  await row(p, '10.77.0.7').filter({ hasText: 'web7: php-fpm calls its tcp port 5432' }).waitFor();
  await row(p, '10.77.0.7').getByRole('button', { name: 'Ask in plain text' }).click();
  await p.getByText('text://10.77.0.7 is asked from now on.').waitFor();

  // What an edge rests on, in sentences.
  await p.goto(`${server.url}/#/chart?table`);
  await row(p, ':5432').first().click();
  await p.getByText('web7 reports it at the client’s end; nobody reports it at the server’s.').waitFor();
  await p.getByText('Everything that is known of it').click();
  await p.getByText('One end only reports it.').waitFor();

  // A node that still reports is not removed, and it is said why.
  await p.goto(`${server.url}/#/nodes`);
  await row(p, 'this node').click();
  await p.getByRole('button', { name: 'Remove', exact: true }).click();
  await p.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await p.getByText(/still reports: stop its agent first/).waitFor();
  await p.keyboard.press('Escape');

  // A revoked agent reports no more.
  await p.goto(`${server.url}/#/nodes?list=agents`);
  await p.getByRole('button', { name: 'Revoke' }).click();
  await p.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await p.getByText(/^revoked/).waitFor();
  assert.deepEqual(unexpected(faults), []);
});

for (const [name, options] of [
  ['light-1440', { colorScheme: 'light' }],
  ['dark-390', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }],
]) {
  test(`pictures of the fleet, ${name}: nothing overflows`, { skip, timeout: 60_000 }, async (t) => {
    const { server, p, faults } = await logged(t, options);
    const port = await original(t, 'web7');
    await p.evaluate((url) => fetch('/api/v1/nodes', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url }) }), `text://127.0.0.1:${port}`);
    mkdirSync(out, { recursive: true });
    for (const [view, ready] of [['nodes', 'web7'], ['nodes?list=asked', 'web7'], ['nodes?list=suggestions', '10.77.0.7'], ['nodes/web7', 'php-fpm'], ['settings', 'Virtual addresses']]) {
      await p.goto(`${server.url}/#/${view}`);
      await p.locator('.scroll').getByText(ready).first().waitFor({ timeout: 15_000 });
      await p.screenshot({ path: join(out, `fleet-${view.replace(/\W+/g, '-')}-${name}.png`) });
      const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${view} is ${wide} px wider than the window`);
    }
    await p.goto(`${server.url}/#/nodes`);
    const tab = await p.getByRole('button', { name: 'Agents' }).boundingBox();
    const cut = await p.locator('.scroll > .segments').evaluate((e) => e.scrollWidth - e.clientWidth);
    assert.ok(cut <= 0 && tab.x + tab.width <= (options.viewport?.width ?? 1440), `the last list's tab is cut by ${cut} px`);
    for (const way of ['Agent', 'SSH', 'Plain text']) {
      await p.getByRole('button', { name: 'Add a node' }).click();
      const sheet = p.getByRole('dialog');
      await sheet.getByRole('button', { name: way }).click();
      await p.screenshot({ path: join(out, `fleet-add-${way.replace(/\W+/g, '-')}-${name}.png`) });
      const box = await sheet.boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= (options.viewport?.width ?? 1440), `the sheet for ${way} leaves the window`);
      await p.keyboard.press('Escape');
      await sheet.waitFor({ state: 'hidden' });
    }
    assert.deepEqual(unexpected(faults), []);
  });
}
