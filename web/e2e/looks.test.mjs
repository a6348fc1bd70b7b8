// What the views look like, beside small pictures of how they shall: both are made
// small and soft, so that another machine's fonts pass and a lost panel, a wrong theme
// or a bare shape does not. DOTM_LOOKS=update node --test e2e/looks.test.mjs makes them anew.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing, page, recorded, until } from './dotm.mjs';

const skip = missing() || false;
const folder = fileURLToPath(new URL('looks/', import.meta.url));
const out = fileURLToPath(new URL('out/', import.meta.url));
const update = process.env.DOTM_LOOKS === 'update';

/** How wide the pictures are that are compared and kept. */
const WIDTH = 160;
/** What other fonts may do: a mean difference of the channels, and the share of pixels that are quite different. */
const MEAN = 6;
const SHARE = 0.03;

const late = [];
let url = '';
before(async () => {
  if (!skip) url = (await recorded({ after: (run) => late.push(run) })).url;
});
after(async () => {
  for (const run of late.reverse()) await run();
});

const chart = (p) => p.getByRole('img', { name: /^Chart of [1-9]/ });
const rows = (p) => p.locator('tbody tr').first();

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };
const WALL = { viewport: { width: 3840, height: 2160 } };

/** Name, address, when it is drawn, the window. */
const LOOKS = [
  ['chart-light', '#/chart', chart, { ...DESK, colorScheme: 'light' }],
  ['chart-dark', '#/chart', chart, { ...DESK, colorScheme: 'dark' }],
  ['table-light', '#/chart?table', rows, { ...DESK, colorScheme: 'light' }],
  ['services-dark', '#/services', rows, { ...DESK, colorScheme: 'dark' }],
  ['nodes-light', '#/nodes', rows, { ...DESK, colorScheme: 'light' }],
  ['node-dark', '#/nodes/shop-app01', (p) => p.locator('.hub').first(), { ...DESK, colorScheme: 'dark' }],
  ['checks-light', '#/checks', rows, { ...DESK, colorScheme: 'light' }],
  ['mapping-light', '#/mapping', (p) => p.getByText('How each check was mapped'), { ...DESK, colorScheme: 'light' }],
  ['report-dark', '#/report', (p) => p.locator('.found-group').first(), { ...DESK, colorScheme: 'dark' }],
  ['history-light', '#/history', rows, { ...DESK, colorScheme: 'light' }],
  ['settings-light', '#/settings', (p) => p.getByLabel('Ageing limit'), { ...DESK, colorScheme: 'light' }],
  ['chart-phone-light', '#/chart', chart, { ...PHONE, colorScheme: 'light' }],
  ['nodes-phone-dark', '#/nodes', rows, { ...PHONE, colorScheme: 'dark' }],
  ['wall', '?wall=1', chart, WALL],
  ['chart-forced', '#/chart', chart, { ...DESK, forcedColors: 'active' }],
];

/** Times and figures that move are no part of the looks. */
const MASK = 'time, .live, .strip, .told, .search { visibility: hidden !important; } * { animation: none !important; caret-color: transparent !important; }';

/** A picture as a small one: its PNG, and its pixels. */
async function small(p, png) {
  return p.evaluate(async ([data, width]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const height = Math.round((image.height * width) / image.width);
    const canvas = new OffscreenCanvas(width, height);
    const ctx = canvas.getContext('2d');
    ctx.imageSmoothingQuality = 'high';
    ctx.drawImage(image, 0, 0, width, height);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    const text = btoa([...new Uint8Array(await blob.arrayBuffer())].map((b) => String.fromCharCode(b)).join(''));
    return { png: text, pixels: [...ctx.getImageData(0, 0, width, height).data], width, height };
  }, [png.toString('base64'), WIDTH]);
}

/** How different two small pictures are. */
function difference(a, b) {
  assert.deepEqual([a.width, a.height], [b.width, b.height], 'of the same size');
  let sum = 0;
  let far = 0;
  const pixels = a.pixels.length / 4;
  for (let i = 0; i < a.pixels.length; i += 4) {
    const by = [0, 1, 2].map((c) => Math.abs(a.pixels[i + c] - b.pixels[i + c]));
    sum += (by[0] + by[1] + by[2]) / 3;
    if (Math.max(...by) > 48) far++;
  }
  return { mean: sum / pixels, share: far / pixels };
}

for (const [name, address, ready, options] of LOOKS) {
  test(`looks: ${name}`, { skip, timeout: 60_000 }, async (t) => {
    const { page: p, faults, context } = await page(t, { ...options, reducedMotion: 'reduce', timezoneId: 'UTC' });
    await p.clock.setFixedTime(recorded.end);
    await p.goto(`${url}/${address}`);
    await ready(p).waitFor();
    await p.getByText(/^Live/).first().waitFor();
    await p.addStyleTag({ content: MASK }).catch(() => p.evaluate((css) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [sheet];
    }, MASK));
    // What the last answer brought is drawn when two pictures are the same.
    const blank = await context.newPage();
    let now = await small(blank, await p.screenshot());
    let png;
    await until(async () => {
      png = await p.screenshot();
      const before = now;
      now = await small(blank, png);
      return difference(now, before).mean < 0.05;
    });
    const path = join(folder, `${name}.png`);
    if (update || !existsSync(path)) {
      mkdirSync(folder, { recursive: true });
      assert.ok(update, `${path} is missing: DOTM_LOOKS=update makes it`);
      writeFileSync(path, Buffer.from(now.png, 'base64'));
      return;
    }
    const { mean, share } = difference(now, await small(blank, readFileSync(path)));
    t.diagnostic(`mean ${mean.toFixed(2)}, ${(100 * share).toFixed(2)} % far`);
    if (mean > MEAN || share > SHARE) {
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, `looks-${name}.png`), png);
    }
    assert.ok(mean <= MEAN && share <= SHARE, `differs by ${mean.toFixed(1)} in the mean, ${(100 * share).toFixed(1)} % of it far: see e2e/out/looks-${name}.png`);
    assert.deepEqual(faults, []);
  });
}
