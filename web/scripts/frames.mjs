// What the chart costs in a real browser, with software rendering: frames of large
// charts, the way to the first chart, deltas, memory. Prints a table, then JSON.
//   npm run frames                     all of it, with bin/dotm for what needs a server
//   npm run frames -- charts 1000      frames of a made-up chart of so many boxes
//   npm run frames -- live 100 3000    a real `dotm demo` of so many hosts
// RUNS=5 takes the best of five. On a machine that has other work to do, look at the
// processor time (cpu), which others cannot lengthen, and less at what the clock says.
import { spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const DOTM = fileURLToPath(new URL('../../bin/dotm', import.meta.url));
const RUNS = Number(process.env.RUNS ?? 3);
const FRAMES = 60;
/** How long a hand goes one way, frames, and how long its rest is looked at, ms. */
const WAY = 15;
const REST = 600;
const DELTAS = 10;
/** What is to be reached, ms. */
const GOALS = { boxes: { 5000: 16, 10000: 33 }, first: { 100: 300, 1000: 500, 3000: 800 }, delta: 10, heap: 150 };

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const round = (n) => Math.round(n * 10) / 10;

const launch = () =>
  chromium.launch({
    executablePath: BROWSER,
    args: ['--no-sandbox', '--disable-gpu', '--disable-frame-rate-limit', '--disable-gpu-vsync', '--js-flags=--expose-gc', '--enable-precise-memory-info'],
  });

const table = [];

function note(what, figures, goal) {
  const row = { what, ...figures, ...(goal === undefined ? {} : { goal }) };
  table.push(row);
  const said = Object.entries(figures).map(([k, v]) => `${k} ${v}`);
  console.log(`${what.padEnd(44)} ${said.join('  ')}${goal === undefined ? '' : `   (goal ${goal})`}`);
}

/** What the page's main thread does, by the time it had a processor: others don't lengthen it. */
async function processorTime(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name) => (metrics.find((m) => m.name === name)?.value ?? 0) * 1000;
    return { task: of('TaskDuration'), script: of('ScriptDuration'), heap: of('JSHeapUsedSize') / 1000 / 2 ** 20 };
  };
}

/**
 * Milliseconds between frames while something is done before each, there and back as a hand
 * does it, and of those after the hand came to rest; runs in the page.
 */
async function frames({ kind, count, way, rest }) {
  const canvas = document.querySelector('canvas');
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const at = (i) => ({ clientX: left + width * (0.3 + 0.4 * ((i * 0.37) % 1)), clientY: top + height * (0.3 + 0.4 * ((i * 0.61) % 1)), bubbles: true, cancelable: true });
  const there = (i) => (Math.floor(i / way) % 2 === 0 ? 1 : -1);
  const act = {
    pan: (i) => canvas.dispatchEvent(new WheelEvent('wheel', { ...at(0), deltaX: 12 * there(i), deltaY: 5 * there(i) })),
    zoom: (i) => canvas.dispatchEvent(new WheelEvent('wheel', { ...at(0), deltaY: 3 * there(i), ctrlKey: true })),
    hover: (i) => {
      canvas.dispatchEvent(new PointerEvent('pointermove', { ...at(i), pointerType: 'mouse', pointerId: 1 }));
      // Where nothing lies under the pointer nothing is drawn: a frame is what is measured.
      canvas.dispatchEvent(new WheelEvent('wheel', { ...at(0), deltaX: i % 2 === 0 ? 1 : -1 }));
    },
    point: (i) => canvas.dispatchEvent(new PointerEvent('pointermove', { ...at(i), pointerType: 'mouse', pointerId: 1 })),
    focus: (i) => canvas.dispatchEvent(new KeyboardEvent('keydown', { key: there(i) > 0 ? 'ArrowRight' : 'ArrowLeft', bubbles: true, cancelable: true })),
  }[kind];
  const moving = [];
  const after = [];
  let before = await frame();
  const next = async (into) => {
    const now = await frame();
    into.push(now - before);
    before = now;
  };
  for (let i = 0; i < count; i++) {
    act(i);
    await next(moving);
  }
  for (const end = before + rest; before < end; ) await next(after);
  canvas.dispatchEvent(new PointerEvent('pointerleave', {}));
  return { moving, after };
}

async function measureFrames(page, clock, label, kind, goal) {
  let best = null;
  for (let run = 0; run < RUNS; run++) {
    const before = await clock();
    const { moving, after } = await page.evaluate(frames, { kind, count: FRAMES, way: WAY, rest: REST });
    const cpu = (await clock()).task - before.task;
    const figures = { p50: round(quantile(moving, 0.5)), p95: round(quantile(moving, 0.95)), max: round(Math.max(...moving)), 'rest max': round(Math.max(...after)), cpu: round(cpu / FRAMES) };
    if (!best || figures.p50 < best.p50) best = figures;
  }
  note(`${label}, ${kind}`, best, goal);
}

/** Frames of made-up charts, in the development server: its fixtures are in no build. */
async function charts(sizes) {
  const { createServer } = await import('vite');
  const server = await createServer({ server: { port: 0, hmr: false }, logLevel: 'error', optimizeDeps: { include: ['preact'] } });
  await server.listen();
  const browser = await launch();
  try {
    for (const [boxes, calls] of sizes) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      await page.goto(`${server.resolvedUrls.local[0]}?fixture=site-${boxes}-${calls}`);
      await page.getByText('Live', { exact: true }).waitFor({ timeout: 300_000 });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const clock = await processorTime(page);
      const goal = GOALS.boxes[boxes];
      const label = (await page.getByRole('img', { name: /Chart of/ }).getAttribute('aria-label')).replace(/Chart of ([\d\s,]+) nodes.* and ([\d\s,]+) connections?.*/, '$1 boxes, $2 edges');
      for (const kind of ['pan', 'zoom', 'hover', 'point', 'focus']) await measureFrames(page, clock, `${label}, all in view`, kind, goal);
      for (let i = 0; i < 14; i++) await page.keyboard.press('+');
      await page.waitForTimeout(500);
      for (const kind of ['pan', 'zoom', 'hover', 'point']) await measureFrames(page, clock, `${label}, zoomed in`, kind, goal);
      await page.evaluate(() => gc());
      note(`${label}, heap`, { MiB: round((await clock()).heap) }, GOALS.heap);
      await page.close();
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

/** A made-up site that has caught up, and its address. */
async function demo(hosts) {
  const child = spawn(DOTM, ['demo', '--hosts', String(hosts), '--seed', '1', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const url = await new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
      const [, found] = /Open (http:\S+?)[\s(]/.exec(said) ?? [];
      if (found) resolve(found.replace(/\/$/, ''));
    });
    child.once('exit', (code) => reject(new Error(`dotm demo ended with ${code}: ${said}`)));
  });
  // It relives six hours first; after that its clock is that of the wall.
  for (;;) {
    const { at, coverage } = await (await fetch(`${url}/api/v1/topology?level=group`)).json();
    if (coverage.reporting + coverage.stale >= hosts * 0.9 && Date.now() - Date.parse(at) < 60_000) break;
    await new Promise((done) => setTimeout(done, 3_000));
  }
  return { url, stop: () => child.kill() };
}

/** Notes, in the page, when the first label of a chart is drawn and when that was on screen; and counts deltas and their characters. */
function watch() {
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (...args) {
    CanvasRenderingContext2D.prototype.fillText = fillText;
    requestAnimationFrame(() => {
      window.firstChart = performance.now();
    });
    return fillText.apply(this, args);
  };
  window.deltas = 0;
  window.told = 0;
  const Plain = window.SharedWorker;
  window.SharedWorker = class extends Plain {
    constructor(...args) {
      super(...args);
      this.port.addEventListener('message', ({ data }) => {
        for (const e of data.say === 'events' ? data.events : []) {
          if (e.type !== 'delta') continue;
          window.deltas++;
          window.told += e.data.length;
        }
      });
    }
  };
}

/** When the first chart was on screen, and the processor time of the page's main thread until then. */
async function firstChart(page, url) {
  const clock = await processorTime(page);
  await page.goto(url);
  await page.waitForFunction(() => window.firstChart > 0, undefined, { timeout: 120_000, polling: 20 });
  return { at: await page.evaluate(() => window.firstChart), cpu: (await clock()).task };
}

/** The best of several. */
function bestOf(firsts) {
  return { best: round(Math.min(...firsts.map((f) => f.at))), cpu: round(Math.min(...firsts.map((f) => f.cpu))), all: firsts.map((f) => round(f.at)).join('/') };
}

async function live(sizes) {
  for (const hosts of sizes) {
    const server = await demo(hosts);
    const browser = await launch();
    try {
      const times = { cold: [], warm: [] };
      for (let run = 0; run < RUNS; run++) {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        await context.addInitScript(watch);
        const page = await context.newPage();
        times.cold.push(await firstChart(page, `${server.url}/`));
        await page.goto('about:blank');
        times.warm.push(await firstChart(page, `${server.url}/`));
        await context.close();
      }
      for (const kind of ['cold', 'warm']) note(`${hosts} hosts, first chart, ${kind} cache`, bestOf(times[kind]), GOALS.first[hosts]);
      await answers(server.url, hosts);
      await deltas(browser, server.url, hosts);
    } finally {
      await browser.close();
      server.stop();
    }
  }
}

/** How large the answer is that the first chart is made of, and how long it takes. */
async function answers(url, hosts) {
  for (const level of ['pool', 'service']) {
    let best = Infinity;
    let size = 0;
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now();
      size = (await (await fetch(`${url}/api/v1/topology?level=${level}&hide=ignored,infrastructure,observers`)).arrayBuffer()).byteLength;
      best = Math.min(best, performance.now() - start);
    }
    note(`${hosts} hosts, answer of level ${level}`, { ms: round(best), KiB: round(size / 1024) });
  }
}

async function deltas(browser, url, hosts) {
  for (const level of ['pool', 'service']) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await context.addInitScript(watch);
    const page = await context.newPage();
    await firstChart(page, `${url}/#/chart?level=${level}`);
    const clock = await processorTime(page);
    await page.waitForFunction(() => window.deltas >= 2, undefined, { timeout: 120_000 });
    const [before, first, told] = [await clock(), await page.evaluate(() => window.deltas), await page.evaluate(() => window.told)];
    await page.waitForFunction((n) => window.deltas >= n, first + DELTAS, { timeout: 120_000 });
    const [after, last] = [await clock(), await page.evaluate(() => window.deltas)];
    const each = (what) => round((after[what] - before[what]) / (last - first));
    note(`${hosts} hosts, a delta of level ${level}`, { script: each('script'), cpu: each('task'), KiB: round(((await page.evaluate(() => window.told)) - told) / (last - first) / 1024), deltas: last - first }, GOALS.delta);
    await page.evaluate(() => gc());
    note(`${hosts} hosts, heap at level ${level}`, { MiB: round((await clock()).heap) }, GOALS.heap);
    await context.close();
  }
}

const [what = 'all', ...rest] = process.argv.slice(2);
const numbers = rest.map(Number);
console.log(`load ${loadavg().map(round).join(' ')}, best of ${RUNS}; ms unless said`);
if (what !== 'live') await charts(numbers.length > 0 ? numbers.map((n) => [n, 3]) : [[5000, 3], [10000, 3]]);
if (what !== 'charts') await live(numbers.length > 0 ? numbers : [100, 1000, 3000]);
console.log(JSON.stringify({ at: new Date().toISOString(), load: loadavg().map(round), runs: RUNS, node: process.version, table }));
