// Measures frames of the chart in a real browser with software rendering: the
// made-up site of 1,000 hosts (or the number given), all of it in view and then
// at reading size, panned a little every frame.
//   npm run frames -- 1000
//   npm run frames -- 1000 ill    with every tenth connection in trouble
import { createServer } from 'vite';
import { chromium } from 'playwright-core';

const hosts = Number(process.argv[2] ?? 1000);
const fixture = process.argv[3] ?? 'site';
const FRAMES = 120;
const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** The `share` quantile of sorted figures. */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** Milliseconds between frames while the chart is panned; runs in the page. */
async function frames(count) {
  const canvas = document.querySelector('canvas');
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const times = [];
  let before = await frame();
  for (let i = 0; i < count; i++) {
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaX: i % 2 === 0 ? 3 : -3, bubbles: true, cancelable: true }));
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  return times.slice(10).sort((a, b) => a - b);
}

async function report(page, what) {
  const times = await page.evaluate(frames, FRAMES);
  const [p50, p95] = [0.5, 0.95].map((share) => quantile(times, share).toFixed(1));
  console.log(`${hosts} hosts, ${what}: ${p50} ms a frame, p95 ${p95} ms`);
}

const server = await createServer({ server: { port: 0, hmr: false }, logLevel: 'error', optimizeDeps: { include: ['preact'] } });
await server.listen();
const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-gpu', '--disable-frame-rate-limit', '--disable-gpu-vsync'] });
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${server.resolvedUrls.local[0]}?fixture=${fixture}-${hosts}`);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.waitForTimeout(1000);
  await report(page, 'all in view');
  for (let i = 0; i < 12; i++) await page.keyboard.press('+');
  await page.waitForTimeout(500);
  await report(page, 'zoomed in');
} finally {
  await browser.close();
  await server.close();
}
