// The pictures of README and docs, from a run of dotm demo into docs/images:
//   make build && npm run screenshots
// The runs are recordings, so that the pictures change only when dotm does; at the end of
// each a fault shows: of a few hosts for the chart, of 100 for all else. pngquant and zopflipng (Debian: pngquant,
// zopfli) make them small; none may be above 300 kB.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const DOTM = fileURLToPath(new URL('../../bin/dotm', import.meta.url));
const OUT = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const MOST = 300_000;
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const folder = mkdtempSync(join(tmpdir(), 'dotm-screenshots-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

/** Shows the end of a recording of so many hosts: its address, when that is, its largest incident. */
async function site(hosts, duration) {
  const recording = join(folder, `${hosts}.dotmrec`);
  execFileSync(DOTM, ['demo', '--hosts', hosts, '--seed', '1', '--begin', '2026-01-31T02:00:00Z', '--duration', duration, '--write', recording]);
  const shown = spawn(DOTM, ['replay', recording, '--at-once', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => shown.kill('SIGKILL'));
  const base = await new Promise((found) => {
    let said = '';
    shown.stdout.on('data', (chunk) => {
      said += chunk;
      const at = /http:\/\/[\d.:]+/.exec(said);
      if (at && said.includes('The recording ended')) found(at[0]);
    });
  });
  const { at, incidents } = await (await fetch(`${base}/api/v1/incidents`)).json();
  const [most] = incidents.filter((x) => x.state === 'open' && x.cause?.node).sort((a, b) => b.alerts - a.alerts);
  if (!most) throw new Error('nothing is wrong at the end of the recording');
  console.log(`${hosts} hosts: ${most.title} (${most.strength}, ${most.alerts} checks)`);
  return { base, at, id: most.id, node: most.cause.node };
}

/** [file, site, address, what must be there, window, scheme] */
const shots = (few, many) => [
  ['chart-light', few, '#/chart', 'canvas', DESK, 'light'],
  ['chart-dark', few, '#/chart', 'canvas', DESK, 'dark'],
  ['phone', few, '#/chart', 'canvas', PHONE, 'dark'],
  ['incident', many, `#/incidents/${many.id}`, 'h1, h2', DESK, 'light'],
  ['node', many, `#/nodes/${many.node}`, '.hub', DESK, 'light'],
  ['history', many, '#/history', 'tbody tr', DESK, 'light'],
];

function optimise(file) {
  const tools = [
    ['pngquant', ['--force', '--strip', '--speed', '1', '--quality', '70-98', '--output', file, file]],
    ['zopflipng', ['-y', '--iterations=5', file, file]],
  ];
  for (const [tool, args] of tools) {
    try {
      execFileSync(tool, args, { stdio: 'ignore' });
    } catch (why) {
      if (why.code !== 'ENOENT') throw why;
      console.log(`${tool} is not installed: ${file} is larger than it could be`);
    }
  }
  const { size } = statSync(file);
  if (size > MOST) throw new Error(`${file} has ${size} bytes, the most is ${MOST}`);
  return size;
}

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
try {
  const few = await site('16', '2m');
  const many = await site('100', '14m');
  for (const [name, { base, at }, address, there, viewport, colorScheme] of shots(few, many)) {
    const page = await browser.newPage({ viewport, colorScheme, hasTouch: viewport === PHONE, reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB' });
    await page.clock.setFixedTime(new Date(at));
    await page.goto(`${base}/${address}`);
    await page.locator(there).first().waitFor();
    await page.waitForTimeout(2_000); // what comes by the stream, and fonts
    const file = `${OUT}${name}.png`;
    writeFileSync(file, await page.screenshot());
    await page.close();
    console.log(`${name}.png ${optimise(file)} bytes`);
  }
} finally {
  await browser.close();
}
process.exit();
