// Prints what a browser must load before the first chart and fails above the
// limit: every script that index.html names and, from there, every static import.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LIMIT = 100 * 1024;
const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');

/** The scripts that index.html loads: entry points and module preloads. */
function entryScripts(html) {
  const tags = html.matchAll(/<(?:script|link)[^>]+(?:src|href)="([^"]+\.js)"/g);
  return [...tags].map((m) => join(dist, m[1]));
}

/** All files that must be there before the entry runs (dynamic imports are not). */
function closure(files) {
  const seen = new Set();
  const queue = [...files];
  for (let file = queue.pop(); file; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const code = readFileSync(file, 'utf8');
    const imports = code.matchAll(/(?:^|[;}\s])(?:import|export)[^'"();]*?from\s*["'](\.[^"']+)["']/g);
    for (const m of imports) queue.push(join(dirname(file), m[1]));
  }
  return [...seen];
}

const files = closure(entryScripts(readFileSync(join(dist, 'index.html'), 'utf8')));
if (files.length === 0) throw new Error('index.html names no script');
const bodies = files.map((f) => readFileSync(f));
const raw = bodies.reduce((n, b) => n + b.length, 0);
const gzip = bodies.reduce((n, b) => n + gzipSync(b, { level: 9 }).length, 0);
console.log(`initial JS: ${raw} bytes raw, ${gzip} bytes gzip, limit ${LIMIT}`);
if (gzip > LIMIT) {
  console.error('initial JS is above the limit');
  process.exit(1);
}
