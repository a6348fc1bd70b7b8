// For everyone: keys alone, screen readers, both themes, every size, walls and paper,
// in a real browser against a recorded site of sixty hosts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { folder, missing, page, program, recorded, until } from './dotm.mjs';

const skip = missing() || false;
const axe = skip ? '' : readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Hooks that clean up when all tests of the file are through. */
const late = [];
const file = { after: (run) => late.push(run) };
let url = '';
before(async () => {
  if (!skip) url = (await recorded(file)).url;
});
after(async () => {
  for (const run of late.reverse()) await run();
});

/** Every view, and what stands there when it is drawn. */
const VIEWS = [
  ['chart', (p) => p.getByRole('img', { name: /^Chart of [1-9]/ })],
  ['chart?table', (p) => p.locator('tbody tr').first()],
  ['services', (p) => p.locator('tbody tr').first()],
  ['nodes', (p) => p.locator('tbody tr').first()],
  ['nodes/shop-app01', (p) => p.getByRole('heading', { level: 1, name: /shop-app01/ })],
  ['incidents', (p) => p.getByRole('heading', { level: 1 })],
  ['chart?fails=shop-app01', (p) => p.locator('.what-if .effects').first()],
  ['checks', (p) => p.locator('tbody tr').first()],
  ['mapping', (p) => p.getByRole('heading', { level: 1, name: 'Check mapping' })],
  ['report', (p) => p.locator('.found-group, .nothing').first()],
  ['history', (p) => p.locator('tbody tr').first()],
  ['history?compare', (p) => p.getByRole('heading', { name: 'History' })],
  ['settings', (p) => p.getByLabel('Ageing limit')],
  ['incidents', (p) => p.getByRole('heading', { level: 1 }).first()],
  ['geo', (p) => p.getByRole('heading', { level: 1, name: 'Map' })],
];

/** A page whose clock is that of the recording: who looks at it does so then. */
async function then(t, options) {
  const open = await page(t, options);
  await open.page.clock.setFixedTime(recorded.end);
  return open;
}

/** Goes to a view by its link, as in the address bar, and waits until it is drawn. */
async function show(p, view, ready) {
  await p.goto(`${url}/#/${view}`);
  await ready(p).waitFor();
}

for (const colorScheme of ['light', 'dark']) {
  test(`every view, ${colorScheme}: no fault for screen readers, the origin of the data said, nothing asked elsewhere`, { skip, timeout: 120_000 }, async (t) => {
    // The tool is put into the page, which the policy of the page would not let happen.
    // Colours on their way from one to the other are neither.
    const { page: p, faults } = await then(t, { colorScheme, bypassCSP: true, reducedMotion: 'reduce' });
    const talk = [];
    p.on('console', (m) => talk.push(m.text()));
    await p.goto(url);
    await p.evaluate(axe);
    for (const [view, ready] of VIEWS) {
      await show(p, view, ready);
      await p.locator('.origin').getByText('demo').waitFor();
      // Rows are alike: the first of many stand for all. Of another theme only the colours are other ones.
      const only = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {};
      const found = await p.evaluate(async (options) => {
        const { violations } = await window.axe.run({ exclude: ['tbody tr:nth-child(n + 12)', '.found-list li:nth-child(n + 4)'] }, { resultTypes: ['violations'], ...options });
        return violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
      }, only);
      assert.deepEqual(found.filter((f) => /^(serious|critical)/.test(f)), [], view);
      const headings = await p.evaluate(() => [...document.querySelectorAll('h1')].map((h) => h.textContent));
      assert.equal(headings.length, 1, `${view} has one first heading, not ${headings}`);
    }
    // The menu of files, which opens over the chart.
    await show(p, ...VIEWS[0]);
    await p.keyboard.press('e');
    await p.getByRole('button', { name: /^draw\.io/ }).waitFor();
    const menu = await p.evaluate(async () => (await window.axe.run('.tools', { resultTypes: ['violations'] })).violations.map((v) => `${v.impact} ${v.id}`));
    assert.deepEqual(menu.filter((f) => /^(serious|critical)/.test(f)), [], 'the menu of files');
    assert.deepEqual(faults, []);
    assert.deepEqual(talk, [], 'the console is empty');
  });
}

const SIZES = [[390, 844, { hasTouch: true }], [390, 844, { hasTouch: true, colorScheme: 'dark' }], [720, 450, { deviceScaleFactor: 2 }], [1440, 900, { colorScheme: 'dark' }], [3840, 2160, {}], [3840, 2160, { colorScheme: 'dark' }]];
for (const [width, height, more] of SIZES) {
  test(`every view at ${width}x${height}${more.colorScheme ? ', dark' : ''}: nothing overflows${width === 720 ? ', as at 200 % zoom' : ''}`, { skip, timeout: 60_000 }, async (t) => {
    const { page: p, faults } = await then(t, { viewport: { width, height }, ...more });
    await p.goto(url);
    for (const [view, ready] of VIEWS) {
      await show(p, view, ready);
      const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${view} is ${wide} px wider than the window`);
      if (width !== 390) continue;
      // What a thumb must hit is 44 px high, or has as much room around it.
      const small = await p.evaluate(() =>
        [...document.querySelectorAll('.bottom a, .bottom button, main button, main select, main input:not([type=checkbox], [type=radio])')]
          .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 1 && e.getBoundingClientRect().height < 36)
          .map((e) => `${e.className} ${e.textContent.trim()} ${e.getBoundingClientRect().height}`));
      assert.deepEqual(small, [], `${view}: too small for a thumb`);
    }
    assert.deepEqual(faults, []);
  });
}

test('by keyboard alone through the whole app', { skip, timeout: 90_000 }, async (t) => {
  const { page: p, faults } = await then(t);
  await p.goto(url);
  await VIEWS[0][1](p).waitFor();

  // The first Tab leads past the bar.
  await p.keyboard.press('Tab');
  assert.equal(await p.evaluate(() => document.activeElement.textContent), 'Skip to the page');
  await p.keyboard.press('Enter');
  assert.equal(await p.evaluate(() => document.activeElement.tagName), 'MAIN');
  await p.keyboard.press('Tab');
  assert.equal(await p.evaluate(() => document.activeElement.textContent), 'Groups', 'the page’s first control');
  const outline = await p.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none', 'the focus is seen');

  // Every page by its keys; after each the focus is in the page.
  for (const [keys, title] of [['g s', 'Services'], ['g n', 'Nodes'], ['g a', 'Checks'], ['g h', 'History'], ['g r', 'Report'], ['g m', 'Check mapping'], ['g ,', 'Settings']]) {
    for (const key of keys.split(' ')) await p.keyboard.press(key);
    await p.getByRole('heading', { level: 1, name: title }).waitFor();
    assert.equal(await p.title(), `${title}, dotm`);
  }
  await p.keyboard.press('g');
  await p.keyboard.press('c');
  await VIEWS[0][1](p).waitFor();

  // The help lists what the keys do, and keeps the focus while it is open.
  await p.keyboard.press('?');
  const help = p.getByRole('dialog', { name: 'Keys' });
  await help.waitFor();
  assert.ok((await help.locator('dt').count()) > 20);
  for (let i = 0; i < 4; i++) {
    await p.keyboard.press('Tab');
    const where = await p.evaluate(() => Boolean(document.activeElement.closest('dialog')) || document.activeElement === document.body);
    assert.ok(where, 'the focus stays in the dialog');
  }
  await p.keyboard.press('Escape');
  await help.waitFor({ state: 'hidden' });

  // Theme, times, panel and table.
  const theme = () => p.evaluate(() => document.documentElement.dataset.theme);
  const was = await theme();
  await p.keyboard.press('d');
  assert.notEqual(await theme(), was);
  await p.keyboard.press('d');
  await p.keyboard.press(']');
  await p.getByRole('complementary').waitFor({ state: 'detached' });
  await p.keyboard.press(']');
  await p.getByRole('complementary').waitFor();
  await p.keyboard.press('t');
  await p.getByRole('table', { name: 'Connections of the chart' }).waitFor();
  await p.keyboard.press('t');

  // Search flies to a node; its page, a table's rows, and back out step by step.
  await p.keyboard.press('/');
  await p.keyboard.type('shop-app01');
  await p.getByRole('listbox').getByRole('option').first().waitFor();
  await p.keyboard.press('Control+Enter');
  await p.getByRole('heading', { level: 1, name: /shop-app01/ }).waitFor();
  await p.keyboard.press('Escape');
  await p.getByRole('heading', { level: 1, name: 'Nodes' }).waitFor();
  await p.locator('tbody tr').first().focus();
  await p.keyboard.press('ArrowDown');
  const second = await p.evaluate(() => [...document.querySelectorAll('tbody tr[tabindex]')].indexOf(document.activeElement));
  assert.equal(second, 1);
  await p.keyboard.press('Enter');
  await p.waitForURL(/#\/nodes\/./);
  assert.ok(await p.evaluate(() => document.activeElement !== document.body), 'the focus is not lost with the row');
  await p.keyboard.press('Escape');

  // No key is a command where text is written, and arrows and Space scroll where nothing else has them.
  await p.getByRole('searchbox').first().focus();
  await p.keyboard.type('gc?t]d');
  assert.equal(await p.getByRole('searchbox').first().inputValue(), 'gc?t]d');
  await p.keyboard.press('g');
  await p.goto(`${url}/#/settings`);
  await p.getByLabel('Ageing limit').waitFor();
  await p.locator('.scroll').evaluate((e) => ((e.tabIndex = -1), e.focus()));
  await p.keyboard.press('Space');
  await p.waitForFunction(() => document.querySelector('.scroll').scrollTop > 0);
  assert.deepEqual(faults, []);
});

test('times are local or UTC as was chosen, and say so', { skip, timeout: 60_000 }, async (t) => {
  const { page: p } = await then(t, { timezoneId: 'Asia/Tokyo' });
  await p.goto(`${url}/#/history`);
  await p.getByText(/^known since .* local/).waitFor();
  await p.getByText('local time').first().waitFor();
  await p.keyboard.press('u');
  await p.getByText(/^known since .* UTC/).waitFor();
  await p.reload();
  await p.getByText(/^known since .* UTC/).waitFor();
});

test('alerts are told: what is critical at once, the rest politely', { skip, timeout: 60_000 }, async (t) => {
  const p = program(t, recorded.binary, ['serve', '--data', folder(t), '--listen', '127.0.0.1:0']);
  const [, live] = await p.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  const post = async (path, body) => {
    const answer = await fetch(`${live}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  };
  const results = (...of) => post('checks', { source: 'scripts', checks: of.map(([name, status]) => ({ host: 'db1', name, status, output: 'said so' })) });
  await post('sources', { name: 'scripts', kind: 'passive' });
  await results(['disk', 'OK'], ['load', 'OK']);
  const { page: web, faults } = await page(t);
  await web.goto(live);
  await web.locator('.top').getByText('no alert').waitFor();
  await results(['disk', 'CRITICAL'], ['load', 'WARNING']);
  await web.locator('[aria-live="assertive"]').getByText('CRITICAL: db1 disk').waitFor({ state: 'attached', timeout: 30_000 });
  await results(['disk', 'OK'], ['load', 'WARNING']);
  await web.locator('[aria-live="polite"]').getByText('no longer open: db1 disk').waitFor({ state: 'attached', timeout: 30_000 });
  assert.deepEqual(faults, []);
});

test('a wall: no chrome, dark, large, all of the chart, and how old it is', { skip, timeout: 60_000 }, async (t) => {
  const { page: p, faults } = await then(t, { viewport: { width: 3840, height: 2160 }, colorScheme: 'light' });
  await p.goto(`${url}/?wall=1`);
  await VIEWS[0][1](p).waitFor();
  assert.equal(await p.evaluate(() => document.documentElement.dataset.theme), 'dark');
  for (const chrome of ['.tools', '.tabs', '.search', '.zoom', '.settings']) assert.equal(await p.locator(chrome).filter({ visible: true }).count(), 0, chrome);
  await p.locator('.wall-bar').getByText(/last change \d+ \w+ ago/).waitFor();
  await p.locator('.wall-clock').getByText(/local|UTC/).waitFor();
  const { sharp, zoom } = await p.evaluate(() => {
    const c = document.querySelector('canvas');
    return { sharp: c.width / c.getBoundingClientRect().width, zoom: Number(getComputedStyle(document.querySelector('.frame')).zoom) };
  });
  assert.ok(Math.abs(sharp - 1) < 0.01, `the canvas has ${sharp} pixels for each of the screen`);
  assert.ok(11 * zoom >= 2160 / 90, `the smallest name is ${11 * zoom} px`);
  const wide = await p.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `it scrolls by ${wide} px`);
  assert.deepEqual(faults, []);
});

test('on paper: light on white, with title, UTC and revision, and words for shapes', { skip, timeout: 60_000 }, async (t) => {
  const { page: p, faults } = await then(t, { colorScheme: 'dark' });
  await p.goto(`${url}/#/checks`);
  await p.locator('tbody tr').first().waitFor();
  await p.emulateMedia({ media: 'print' });
  await p.locator('.print-head').getByText('Checks').waitFor();
  assert.match(await p.locator('.print-head').innerText(), /demo.*UTC.*revision \S+/s);
  assert.equal(await p.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
  for (const chrome of ['.top', '.bottom', '.narrowing']) assert.equal(await p.locator(chrome).filter({ visible: true }).count(), 0, chrome);
  const word = await p.locator('td.state .state-word').first().evaluate((e) => [getComputedStyle(e).display, getComputedStyle(e, '::after').content]);
  assert.notEqual(word[0], 'none');
  assert.match(word[1], /^"[A-Z]+/);
  await p.emulateMedia({ media: 'screen' });

  // The chart is drawn anew in the colours of paper, and again in those of the screen.
  await p.goto(`${url}/#/chart`);
  await VIEWS[0][1](p).waitFor();
  const corner = () => p.evaluate(() => [...document.querySelector('canvas').getContext('2d').getImageData(2, 2, 1, 1).data.slice(0, 3)].join());
  await until(async () => (await corner()) === '12,15,20');
  await p.evaluate(() => dispatchEvent(new Event('beforeprint')));
  assert.equal(await corner(), '255,255,255');
  await p.evaluate(() => dispatchEvent(new Event('afterprint')));
  assert.equal(await corner(), '12,15,20');
  const pdf = await p.pdf();
  assert.ok(pdf.length > 10_000);
  assert.deepEqual(faults, []);
});

test('with the system’s own colours every view is drawn, and little moves for who wants that', { skip, timeout: 60_000 }, async (t) => {
  const { page: p, faults } = await then(t, { forcedColors: 'active', reducedMotion: 'reduce' });
  await p.goto(url);
  for (const [view, ready] of VIEWS.slice(0, 6)) await show(p, view, ready);
  const moving = await p.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running').length);
  assert.equal(moving, 0);
  assert.deepEqual(faults, []);
});
