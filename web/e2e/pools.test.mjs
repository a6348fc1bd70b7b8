// Pools, groups and lanes, in a real browser, against a real dotm with a made-up site of a hundred hosts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing, page, program } from './dotm.mjs';

const skip = missing() || false;
const binary = process.env.DOTM_BINARY ?? join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/dotm');

test('a large site opens in pools; one is expanded, renamed, and the chart tidied', { skip, timeout: 90_000 }, async (t) => {
  const p = program(t, binary, ['demo', '--hosts', '100', '--listen', '127.0.0.1:0']);
  const [, url] = await p.line(/Open (http:\S+?)(?:\s|$)/);
  const read = async (path) => (await fetch(`${url}/api/v1/${path}`)).json();
  // Which level a visit begins with is decided by its first answer.
  for (let known = false; !known; known = (await read('topology?level=pool')).pools?.length > 0) await new Promise((r) => setTimeout(r, 200));
  const { page: web, faults } = await page(t);
  await web.goto(`${url}/`);
  await web.getByText('Live', { exact: true }).waitFor();
  await web.getByRole('button', { name: 'Pools', pressed: true }).waitFor();
  const { pools } = await read('topology?level=pool');
  const pool = pools.find((one) => one.members.length > 3);

  // A link selects it, and Space shows its members in its place.
  await web.goto(`${url}/#/chart?level=pool&node=${encodeURIComponent(pool.name)}`);
  await web.getByRole('heading', { name: new RegExp(`^${pool.title}`) }).waitFor();
  await web.getByLabel('Name', { exact: true }).fill('front row');
  await web.getByRole('button', { name: 'Rename' }).click();
  await web.getByRole('heading', { name: /^front row/ }).waitFor();
  assert.equal((await read('roles')).choices.names[pool.name], 'front row');
  await web.getByRole('button', { name: /^Expand in place/ }).click();
  await web.getByRole('button', { name: /^Fold into one box/ }).waitFor();
  assert.match(web.url(), /expand=pool/);

  // The link shows the same elsewhere.
  const link = web.url();
  await web.goto('about:blank');
  await web.goto(link);
  await web.getByText(/^Expanded pool/).waitFor();
  await web.getByRole('heading', { name: /^front row/ }).waitFor();
  await web.getByRole('button', { name: /^Fold into one box/ }).click();
  await web.getByRole('heading', { name: /^front row/ }).waitFor();

  // Tidy asks first.
  await web.getByRole('button', { name: 'Tidy', exact: true }).click();
  const asked = web.waitForResponse((r) => r.url().endsWith('/charts/pool/tidy'));
  await web.getByRole('button', { name: 'Tidy the chart' }).click();
  assert.equal((await asked).status(), 204);
  await web.getByRole('dialog').waitFor({ state: 'hidden' });
  for (const level of ['Groups', 'Nodes', 'Services']) {
    await web.getByRole('button', { name: level, exact: true }).click();
    await web.getByRole('button', { name: level, exact: true, pressed: true }).waitFor();
  }
  assert.deepEqual(faults, []);
});
