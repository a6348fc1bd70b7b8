// Real things for the browser tests: dotm, redis-server, clients, Chromium.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BROWSER = '/usr/bin/chromium';
const REDIS = '/usr/bin/redis-server';

/** Why the tests cannot run here, or ''. In CI nothing may be missing. */
export function missing() {
  const lacks = [BROWSER, REDIS, join(root, 'bin/dotm')].filter((f) => !existsSync(f));
  if (lacks.length > 0 && process.env.DOTM_REQUIRE_REAL === 'all') throw new Error(`missing: ${lacks.join(', ')}`);
  return lacks.length > 0 ? `missing: ${lacks.join(', ')}` : '';
}

/** A temporary folder that goes with the test. */
export function folder(t) {
  const dir = mkdtempSync(join(tmpdir(), 'dotm-e2e-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A program that is killed with the test; `line` waits for its output. */
export function program(t, command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const waiting = new Set();
  const hear = (chunk) => {
    said += chunk;
    for (const check of waiting) check();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise((done) => child.once('exit', done));
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    await ended;
  };
  t.after(() => stop('SIGKILL'));
  const line = (pattern) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(said);
        if (!match) return;
        waiting.delete(check);
        resolve(match);
      };
      waiting.add(check);
      ended.then((code) => reject(new Error(`${command} ended with ${code}: ${said}`)));
      check();
    });
  return { stop, line, ended };
}

/** A running `dotm up` and its address. */
export async function dotm(t, data, listen = '127.0.0.1:0') {
  const p = program(t, join(root, 'bin/dotm'), ['up', '--data', data, '--listen', listen, '--interval', '500ms']);
  const [, url] = await p.line(/Open (http:\S+)/);
  return { ...p, url };
}

/** A running `dotm serve` that others can reach: its address on this machine, and the secret of its first login link. */
export async function serve(t, data) {
  const p = program(t, join(root, 'bin/dotm'), ['serve', '--data', data, '--listen', '0.0.0.0:0']);
  const [, port, secret] = await p.line(/https:\/\/[^\s/]+:(\d+)\/login#setup=(\S+)/);
  return { ...p, url: `https://127.0.0.1:${port}`, secret };
}

/** A running redis-server. */
export async function redis(t, port) {
  const p = program(t, REDIS, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
  await p.line(/Ready to accept connections/);
  return p;
}

/** Connections that stay open until they are closed or the test ends. */
export async function clients(t, port, count) {
  const sockets = await Promise.all(
    Array.from({ length: count }, () => new Promise((done, fail) => {
      const s = connect(port, '127.0.0.1', () => done(s));
      s.once('error', fail);
    })),
  );
  for (const s of sockets) s.on('error', () => {}); // the server may be killed first
  const close = () => sockets.forEach((s) => s.destroy());
  const end = () => sockets.forEach((s) => s.end());
  t.after(close);
  return { close, end };
}

/** Connections that their clients have closed and this process, which accepted them, has not. */
export async function leftOpen(t, port, count) {
  const accepted = [];
  const server = createServer({ allowHalfOpen: true }, (s) => accepted.push(s.resume().on('error', () => {})));
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  const callers = await clients(t, port, count);
  callers.end();
  const close = () => {
    for (const s of accepted) s.destroy();
    server.close();
  };
  t.after(close);
  return { close };
}

/** A page whose faults are collected: what the console says is wrong, what throws, what the policy blocks. */
export async function page(t, options = {}) {
  const browser = await chromium.launch({
    executablePath: BROWSER,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const p = await context.newPage();
  const faults = [];
  p.on('console', (m) => {
    // What is refused is asked for on purpose, and the browser says so itself.
    if (m.type() === 'error' && !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|status of (401|409|422)/.test(m.text())) faults.push(m.text());
  });
  p.on('pageerror', (e) => faults.push(String(e)));
  p.on('request', (r) => {
    if (!/^(https?:\/\/127\.0\.0\.1:|data:|blob:)/.test(r.url())) faults.push(`asked ${r.url()}`);
  });
  return { page: p, faults };
}
