import { defineConfig } from 'vitest/config';

// The server sends `default-src 'self'`, so nothing may end up inline: no data:
// URIs (assetsInlineLimit 0) and no preload polyfill. Paths are relative so that
// the pages also work below a path prefix of a reverse proxy.
export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What the first chart needs is one file: many small ones are packed worse, and which there are changes with any import.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'page', tags: ['$initial'] }] } } },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:4849' } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'] },
});
