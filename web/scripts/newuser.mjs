// How long a new user takes for the form of a monitoring system: a real Nagios that has
// run for a while, dotm up, a browser. From opening the form to its checks on the page.
//   make build && npm run newuser
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { missing, page, program } from '../e2e/dotm.mjs';
import { missingNagios, nagios } from '../e2e/nagios.mjs';
import { fileURLToPath } from 'node:url';

const DOTM = fileURLToPath(new URL('../../bin/dotm', import.meta.url));

test('monitoring in one form', { skip: missing() || missingNagios() || false, timeout: 120_000 }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'dotm-newuser-'));
  const up = program(t, DOTM, ['up', '--listen', '127.0.0.1:0', '--data', join(home, 'data')]);
  const [url] = await up.line(/http:\/\/[\d.:]+/);
  const host = (await (await fetch(`${url}/api/v1/nodes`)).json()).nodes[0]?.name ?? 'localhost';
  const real = await nagios(t, home, host, [['dotm', 'dotm tcp 4849'], ['disk', 'disk /']]);
  const { page: p } = await page(t, { viewport: { width: 1440, height: 900 } });
  await p.goto(`${url}/#/settings`);
  const begin = Date.now();
  await p.getByRole('button', { name: 'Add a source' }).click();
  const form = p.getByRole('dialog');
  await form.getByLabel(/^Kind/).selectOption('nagios');
  await form.getByLabel(/^Name/).fill('site');
  await form.getByLabel(/^Address/).fill(real.url);
  await form.getByRole('button', { name: 'Test' }).click();
  await form.locator('.found-test, [role=alert] p').first().waitFor();
  t.diagnostic((await form.locator('.found-test').allTextContents()).join(' '));
  const tested = Date.now();
  await form.getByRole('button', { name: 'Add it' }).click();
  await p.goto(`${url}/#/checks`);
  await p.locator('tbody tr').getByText('disk /').first().waitFor();
  t.diagnostic(`tested after ${(tested - begin) / 1000} s, checks on the page after ${(Date.now() - begin) / 1000} s`);
});
