// A site that was recorded as it ran, shown again: every main view has what was there.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folder, missing, page, program, recorded, until } from './dotm.mjs';

const skip = missing() || false;

const NODE = `hostname=erp1
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:80              0.0.0.0:*               LISTEN      812/nginx
tcp        0      0 10.77.0.5:80            10.77.0.9:51234         ESTABLISHED 812/nginx
tcp        0      0 10.77.0.5:44012         10.77.0.7:5432          ESTABLISHED 901/php-fpm

1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    inet 10.77.0.5/24 scope global eth0
`;

test('what dotm serve recorded is shown by dotm replay in every main view', { skip, timeout: 90_000 }, async (t) => {
  const dir = folder(t);
  const file = join(dir, 'site.dotmrec');
  writeFileSync(join(dir, 'erp1.txt'), NODE);
  const live = program(t, recorded.binary, ['serve', '--data', join(dir, 'data'), '--listen', '127.0.0.1:0', '--record', file]);
  const [, from] = await live.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  const brought = program(t, recorded.binary, ['node', 'import', join(dir, 'erp1.txt'), '--server', from]);
  assert.equal(await brought.ended, 0);
  const post = async (path, body) => assert.ok((await fetch(`${from}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).ok, path);
  await post('sources', { name: 'scripts', kind: 'passive' });
  await post('checks', { source: 'scripts', checks: [{ host: 'erp1', name: 'disk', status: 'CRITICAL', output: 'disk / 99% full' }] });
  await until(async () => (await (await fetch(`${from}/api/v1/checks?node=erp1`)).json()).checks.length === 1);
  // What was taken in is written out once a second; the end is written when it stops.
  await live.stop();

  const again = program(t, recorded.binary, ['replay', file, '--at-once', '--listen', '127.0.0.1:0']);
  const [, url] = await again.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  await again.line(/The recording ended/);
  const { page: p, faults } = await page(t);
  for (const [view, ready] of [
    ['chart', (v) => v.getByRole('img', { name: /^Chart of [1-9]/ })],
    ['chart?table', (v) => v.locator('tbody tr').filter({ hasText: 'php-fpm' }).first()],
    ['services', (v) => v.locator('tbody tr').filter({ hasText: 'nginx' }).first()],
    ['nodes', (v) => v.locator('tbody tr').filter({ hasText: 'erp1' }).first()],
    ['nodes/erp1', (v) => v.getByRole('heading', { level: 1, name: /erp1/ })],
    ['checks', (v) => v.locator('tbody tr').filter({ hasText: 'disk' }).first()],
    ['incidents', (v) => v.getByRole('heading', { level: 1 }).first()],
    ['history', (v) => v.getByRole('heading', { level: 1, name: 'History' })],
    ['report', (v) => v.getByRole('heading', { level: 1, name: 'Report' })],
  ]) {
    await p.goto(`${url}/#/${view}`);
    await ready(p).waitFor({ timeout: 8_000 }).catch((e) => assert.fail(`${view}: ${e.message}`));
    await p.locator('.origin').getByText('replay').waitFor();
  }
  assert.deepEqual(faults, []);
});
