// What is declared beside what is seen, and a chart on a page of others: in a real browser,
// against a real dotm that looks at this machine.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { clients, missing, page, site } from './dotm.mjs';

const skip = missing() || false;
const port = 20_000 + ((process.pid + 4_000) % 10_000);

test('a connection that nobody declared is declared, and a chart is shown elsewhere', { skip, timeout: 120_000 }, async (t) => {
  const { url, call } = await site(t, port);
  await clients(t, port, 2);
  await clients(t, port + 1, 2);
  await t.test('from seen to declared', async (t) => {
    await call('PUT', 'drift/declaration', { name: 'site.yaml', text: `scope: ["process:redis-server"]\nallow:\n  - {from: "*", to: "process:redis-server", port: ${port}}\n` });
    const { page: p, faults } = await page(t);
    await p.goto(`${url}/#/drift`);
    const row = p.locator('tbody tr', { hasText: `tcp/${port + 1}` });
    await row.waitFor();
    assert.match(await row.innerText(), /unexpected[\s\S]*allowed at/);
    // On the chart it is marked, and said in words.
    await row.click();
    await p.locator('.drift-line', { hasText: '1 unexpected' }).waitFor();
    assert.match(new URL(p.url()).hash, /drift&connection=/);
    await p.keyboard.press('Escape'); // lets go of it: the panel has the legend again
    await p.locator('.legend li', { hasText: 'unexpected' }).waitFor();
    await p.locator('.drift-line a', { hasText: 'List' }).click();
    // Its rule is put into the text, and kept.
    await row.getByRole('button', { name: /Declare/ }).click();
    assert.match(await p.locator('textarea').inputValue(), new RegExp(`port: ${port + 1}\n$`));
    await p.getByRole('button', { name: 'Keep it' }).click();
    await p.getByText('All that is seen is declared').waitFor();
    const { drift, declaration } = await call('GET', 'drift');
    assert.deepEqual([drift, declaration.version], [false, 2]);
    assert.deepEqual(faults, []);
  });

  await t.test('on a page of another origin', async (t) => {
    const { link, id } = await call('POST', 'api-tokens', { name: 'wiki', role: 'viewer', embed: { formats: ['svg'], query: 'level=node' } });
    const image = `${url}${new URL(link, url).pathname}${new URL(link, url).search}`;
    const wiki = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(`<img id="with" src="${image}"><img id="without" src="${url}/api/v1/export/svg">`));
    await new Promise((done) => wiki.listen(0, '127.0.0.1', done));
    t.after(() => wiki.close());
    const { page: p } = await page(t);
    // Another site, not only another port: the browser takes names for that.
    await p.goto(`http://localhost:${wiki.address().port}/`);
    const width = (which) => p.evaluate((of) => new Promise((done) => {
      const img = document.getElementById(of);
      if (img.complete) done(img.naturalWidth);
      img.onload = () => done(img.naturalWidth);
      img.onerror = () => done(0);
    }), which);
    assert.ok((await width('with')) > 100, 'the picture is shown');
    assert.equal(await width('without'), 0, 'without a token it is not');
    // It can be shown, and not read.
    const read = await p.evaluate(async (src) => {
      const fetched = await fetch(src).then(() => 'read', () => 'refused');
      const canvas = document.createElement('canvas');
      canvas.getContext('2d').drawImage(document.getElementById('with'), 0, 0);
      try {
        canvas.toDataURL();
        return [fetched, 'read'];
      } catch (e) {
        return [fetched, e.name];
      }
    }, image);
    assert.deepEqual(read, ['refused', 'SecurityError']);
    await call('DELETE', `api-tokens/${id}`);
    assert.equal((await fetch(image)).status, 401, 'a link that was ended');
  });
});
