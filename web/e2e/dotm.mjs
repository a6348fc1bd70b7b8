// Real things for the browser tests: dotm, redis-server, clients, Chromium.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { after } from 'node:test';
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

/** A running `dotm serve` for others: its address, and the link that sets the first password. */
export async function serve(t, data) {
  const p = program(t, join(root, 'bin/dotm'), ['serve', '--data', data, '--listen', '0.0.0.0:0']);
  const [, link] = await p.line(/(https:\S+\/login#setup=\S+)/);
  const setup = new URL(link);
  setup.hostname = '127.0.0.1';
  return { ...p, url: setup.origin, setup: setup.href };
}

/** A running `dotm agent` that enrols with a token. */
export async function agent(t, data, url, token) {
  const file = join(data, 'token');
  writeFileSync(file, token, { mode: 0o600 });
  const p = program(t, join(root, 'bin/dotm'), ['agent', '--server', url, '--token-file', file, '--state', join(data, 'agent'), '--interval', '500ms']);
  await p.line(/reports to/);
  return p;
}

/** A host that answers everybody with what the original agent writes. */
export async function original(t, hostname) {
  const text = `hostname=${hostname}
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
  const server = createServer((s) => s.on('error', () => {}).end(text));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return server.address().port;
}

/** A running redis-server. */
export async function redis(t, port) {
  const p = program(t, REDIS, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
  await p.line(/Ready to accept connections/);
  return p;
}

/** A running dotm that looks at this machine, on which two redis-servers run, and a way to call its API. */
export async function site(t, first) {
  await redis(t, first);
  await redis(t, first + 1);
  const server = await dotm(t, folder(t));
  const call = async (method, path, body) => {
    const answer = await fetch(`${server.url}/api/v1/${path}`, { method, ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : answer.json().catch(() => null);
  };
  const { nodes } = await call('GET', 'nodes');
  return { ...server, call, host: nodes.find((n) => n.this).name };
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

/** The browser of a test file: its tests have a context each, and starting it takes as long as a test. */
let started = null;
after(async () => (await started)?.close());

function browser() {
  return (started ??= chromium.launch({
    executablePath: BROWSER,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  }));
}

/** A page whose faults are collected: what the console says is wrong, what throws, what the policy blocks. */
export async function page(t, options = {}) {
  const context = await (await browser()).newContext({ viewport: { width: 1440, height: 900 }, ...options });
  t.after(() => context.close());
  const p = await context.newPage();
  const faults = [];
  p.on('console', (m) => {
    if (m.type() === 'error' && !/ERR_CONNECTION_(REFUSED|RESET)|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/.test(m.text())) faults.push(m.text());
  });
  p.on('pageerror', (e) => faults.push(String(e)));
  p.on('request', (r) => {
    if (!/^(https?:\/\/127\.0\.0\.1:|data:|blob:)/.test(r.url())) faults.push(`asked ${r.url()}`);
  });
  return { page: p, context, faults };
}

/** Waits until something is so, for at most 20 s. */
export async function until(is) {
  const end = Date.now() + 20_000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`not so within 20 s: ${is}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** A made-up site of sixty hosts as it was recorded: the same each time, and nothing of it moves. */
export async function recorded(t) {
  const file = join(folder(t), 'site');
  const write = program(t, recorded.binary, ['demo', '--hosts', '60', '--seed', '7', '--duration', '2m', '--begin', '2026-03-04T05:06:07Z', '--write', file]);
  const code = await write.ended;
  if (code !== 0) throw new Error(`dotm demo --write ended with ${code}`);
  const p = program(t, recorded.binary, ['replay', file, '--at-once', '--listen', '127.0.0.1:0']);
  const [, url] = await p.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  await p.line(/The recording ended/);
  return { ...p, url };
}
recorded.binary = join(root, 'bin/dotm');
/** When the recording ends. */
recorded.end = '2026-03-04T05:08:07Z';
