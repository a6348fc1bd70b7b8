// The fleet in a real browser: nodes that are asked, and logins.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dotm, folder, missing, page, serve } from './dotm.mjs';

const skip = missing() || false;
const out = fileURLToPath(new URL('out/', import.meta.url));
/** Nothing listens here: port 1 belongs to tcpmux, which nobody runs any more. */
const SILENT = 'text://127.0.0.1:1';
const PASSWORD = 'correct horse battery';

const row = (p, text) => p.locator('tbody tr', { hasText: text });

/** The pages as they are judged by eye. */
async function picture(p, name) {
  mkdirSync(out, { recursive: true });
  await p.screenshot({ path: join(out, `${name}.png`) });
}

test('a node that is asked and does not answer says so, until it is removed', { skip, timeout: 120_000 }, async (t) => {
  const server = await dotm(t, folder(t));
  const { page: p, faults } = await page(t);
  await p.goto(`${server.url}/#/nodes`);
  await row(p, 'this node').waitFor();

  // Other hosts cannot enrol here, and the dialog says what would let them.
  await p.getByRole('button', { name: 'Add a node' }).click();
  const dialog = p.getByRole('dialog', { name: 'Add a node' });
  await dialog.getByText('dotm serve --listen', { exact: false }).first().waitFor();
  await picture(p, 'add-node');

  // What the server refuses is said at the field.
  await dialog.getByRole('button', { name: 'Plain text' }).click();
  await dialog.getByLabel('Address').fill('text://127.0.0.1:99999');
  await dialog.getByRole('button', { name: 'Add it' }).click();
  await dialog.locator('.entry', { hasText: 'Address' }).locator('.error').waitFor();
  assert.equal(await dialog.getByLabel('Address').getAttribute('aria-invalid'), 'true');

  // What it takes is asked at once, and its problem is shown.
  await dialog.getByLabel('Address').fill(SILENT);
  await dialog.getByRole('button', { name: 'Add it' }).click();
  await dialog.waitFor({ state: 'detached' });
  const asked = row(p, SILENT);
  await asked.filter({ hasText: /can’t be reached|refused/i }).waitFor({ timeout: 30_000 });
  assert.match(await asked.innerText(), /no answer yet/, 'no node is made up for it');
  await picture(p, 'asked');

  // The table of nodes has it among those that fail.
  await p.getByRole('group', { name: 'List' }).getByRole('button', { name: /^Nodes/ }).click();
  await p.getByRole('button', { name: /^Failing/ }).click();
  await row(p, SILENT).waitFor();
  assert.equal(await p.locator('tbody tr').count(), 1, 'nothing but what fails');
  assert.match(new URL(p.url()).hash, /show=failing/, 'the filter is part of the link');

  // It is removed after a question.
  await p.getByRole('group', { name: 'List' }).getByRole('button', { name: /^Asked/ }).click();
  await row(p, SILENT).getByRole('button', { name: 'Remove' }).click();
  const question = p.getByRole('dialog', { name: /No longer ask/ });
  await question.getByRole('button', { name: 'Remove' }).click();
  await question.waitFor({ state: 'detached' });
  await p.getByText('No node is asked', { exact: false }).waitFor();
  assert.deepEqual(faults, [], 'no error in the console, nothing asked from elsewhere');
});

test('a login link sets the password; logging out and in leads back to the same page', { skip, timeout: 120_000 }, async (t) => {
  const server = await serve(t, folder(t));
  const { page: p, faults } = await page(t, { ignoreHTTPSErrors: true });

  // A stranger sees the login and nothing else, and hears where the first password comes from.
  await p.goto(`${server.url}/#/nodes`);
  await p.getByRole('heading', { name: 'Log in' }).waitFor();
  await p.getByText('dotm login-link').waitFor();
  assert.equal(await p.locator('table, canvas').count(), 0, 'nothing of the site');
  await picture(p, 'login');

  // The link leads to a form for the password; its secret leaves the address.
  await p.goto(`${server.url}/login#setup=${server.secret}`);
  await p.getByRole('heading', { name: 'Choose a password' }).waitFor();
  assert.doesNotMatch(p.url(), /setup=/, 'the secret is not left in the address');
  await p.getByLabel('New password').fill('short');
  await p.getByLabel('The same again').fill('short');
  await p.getByRole('button', { name: 'Set the password' }).click();
  await p.getByRole('alert').getByText('12 characters').waitFor();
  await p.getByLabel('New password').fill(PASSWORD);
  await p.getByLabel('The same again').fill(PASSWORD);
  await p.getByRole('button', { name: 'Set the password' }).click();
  await p.getByText('Live', { exact: true }).waitFor();

  // An admin makes a token; it is shown this once.
  await p.goto(`${server.url}/#/nodes`);
  await p.getByRole('button', { name: 'Add a node' }).first().click();
  await p.getByRole('button', { name: 'Make a token' }).click();
  await p.getByText('Shown this once.', { exact: false }).waitFor();
  assert.match(await p.getByRole('dialog').innerText(), new RegExp(`dotm agent --server ${server.url} --token-file`));
  await p.keyboard.press('Escape');
  await p.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match(new URL(p.url()).hash, /nodes/, 'Escape closed the dialog and did nothing else');

  // Out: the login is back, the stream is closed, and the link still names the page.
  await p.getByRole('button', { name: /Logged in as admin/ }).click();
  await p.getByRole('button', { name: 'Log out' }).click();
  await p.getByRole('heading', { name: 'Log in' }).waitFor();
  await p.getByLabel('Password').fill('not the password');
  await p.getByRole('button', { name: 'Log in' }).click();
  await p.getByRole('alert').getByText('do not fit', { exact: false }).waitFor();
  await p.getByLabel('Password').fill(PASSWORD);
  await p.getByRole('button', { name: 'Log in' }).click();
  await p.getByRole('heading', { name: 'Nodes' }).waitFor();
  await p.getByText('Live', { exact: true }).waitFor();

  // A session that ends elsewhere leads to the login, and from there back to where one was.
  await p.goto(`${server.url}/#/settings`);
  await p.getByRole('heading', { name: 'Settings' }).waitFor();
  await p.context().clearCookies();
  const poll = p.getByLabel('Ask every');
  await poll.fill('2m');
  await poll.press('Enter');
  await p.getByRole('heading', { name: 'Log in' }).waitFor();
  await p.getByText('Your session ended.', { exact: false }).waitFor();
  await p.getByLabel('Password').fill(PASSWORD);
  await p.getByRole('button', { name: 'Log in' }).click();
  await p.getByRole('heading', { name: 'Settings' }).waitFor();
  await p.getByText('Live', { exact: true }).waitFor();
  assert.deepEqual(faults, [], 'no error in the console, nothing asked from elsewhere');
});
