// The pictures of README and docs, from a real run of dotm demo into docs/images:
//   make build && npm run screenshots
// It waits until something is wrong there, so that the pictures show it. pngquant and
// zopflipng (Debian: pngquant, zopfli) make them small; none may be above 300 kB.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const DOTM = fileURLToPath(new URL('../../bin/dotm', import.meta.url));
const OUT = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const MOST = 300_000;
const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const demo = spawn(DOTM, ['demo', '--hosts', '100', '--seed', '1', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
process.on('exit', () => demo.kill('SIGKILL'));

/** Where the demo says that it is. */
const base = await new Promise((found) => {
  let said = '';
  demo.stdout.on('data', (chunk) => {
    said += chunk;
    const at = /http:\/\/[\d.:]+/.exec(said);
    if (at) found(at[0]);
  });
});

const ask = async (path) => (await fetch(`${base}/api/v1/${path}`)).json();

/** The first incident of many checks with a likely cause, when it has grown. */
async function incident() {
  for (let i = 0; i < 480; i++) {
    const { incidents } = await ask('incidents');
    const one = incidents.find((x) => x.state === 'open' && x.status === 'CRITICAL' && x.cause?.node && x.strength !== 'weak' && x.alerts >= 20);
    if (one) return one;
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error('nothing much went wrong within four minutes');
}

/** [file, address, what must be there, window, scheme] */
const shots = ({ id, cause }) => [
  ['chart-light', '#/chart', 'canvas', DESK, 'light'],
  ['chart-dark', '#/chart', 'canvas', DESK, 'dark'],
  ['incident', `#/incidents/${id}`, 'h1, h2', DESK, 'light'],
  ['node', `#/nodes/${cause.node}`, '.hub', DESK, 'light'],
  ['history', '#/history', 'tbody tr', DESK, 'light'],
  ['phone', '#/chart', 'canvas', PHONE, 'dark'],
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
  const found = await incident();
  console.log(`${found.title} (${found.strength}, ${found.alerts} checks)`);
  for (const [name, address, there, viewport, colorScheme] of shots(found)) {
    const page = await browser.newPage({ viewport, colorScheme, hasTouch: viewport === PHONE, reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB' });
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
  demo.kill();
}
