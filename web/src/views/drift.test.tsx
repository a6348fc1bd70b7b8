import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DriftDocument } from '../api/types';
import { oneHostFixture } from '../fixtures';
import { type Reply, clear, click, find, json, press, settle, show, texts } from '../testing/app';
import { actionsOf } from './keys';
import { Page } from './Page';

afterEach(clear);

const doc = oneHostFixture();
const line = doc.connections[0];

const KEPT = { version: 1, name: 'site.yaml', form: 'dotm', rules: 1, bytes: 10, by: 'anna', at: doc.at };

const DRIFT: DriftDocument = {
  at: doc.at, declared: 'site.yaml', form: 'dotm', drift: true, forbidden: [], missing: [], unknown: [], matching: [], connections: 2, outside: 0, coverage: doc.coverage, declaration: KEPT,
  unexpected: line ? [{ id: line.id, client: line.client, server: line.server, protocol: 'tcp', directed: true, since: doc.at, last: doc.at, open: 1, seen_by: [], both_ends: true, allow: '  - from: {node: a}\n    to: {node: b}\n' }] : [],
};

/** A server that keeps a declaration or none, and refuses the text that is wrong. */
function backend(kept: { text: string | null; sent: string[] }): Reply {
  return (method, path, body) => {
    if (method === 'PUT') {
      kept.sent.push(body);
      if (body.includes('wrong')) return json({ title: 'Unprocessable Entity', status: 422, detail: 'no', errors: [{ message: 'must be a port', location: 'body.text', value: { line: 2, field: 'allow[0].port' } }] }, 422);
      kept.text = (JSON.parse(body) as { text: string }).text;
      return json({ ...KEPT, text: kept.text, versions: [KEPT] });
    }
    if (path.startsWith('drift/initial')) return json({ text: 'allow: []\n' });
    if (path.startsWith('drift/declaration')) return kept.text === null ? json({ title: 'Not Found', status: 404 }, 404) : json({ ...KEPT, text: kept.text, versions: [KEPT] });
    if (path.startsWith('drift')) return kept.text === null ? new Response(null, { status: 204 }) : json(DRIFT);
    return null;
  };
}

async function open(text: string | null, hash = '#/drift') {
  const kept = { text, sent: [] as string[] };
  const h = await show(<Page />, { hash, doc, reply: backend(kept) });
  await vi.waitFor(() => expect(h.root.querySelector('.drift h1, .drift-line')).not.toBeNull(), 10_000);
  await settle();
  return { h, kept };
}

const area = (root: HTMLElement): HTMLTextAreaElement => find(root, 'textarea') as HTMLTextAreaElement;

function type(field: HTMLTextAreaElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

describe('the page of what is declared', () => {
  it('says how to start, and writes a first declaration', async () => {
    const { h, kept } = await open(null);
    await vi.waitFor(() => expect(h.root.textContent).toContain('Nothing is declared yet.'), 4_000);
    await click(h.root, 'button', 'Write a first declaration from what is seen');
    await settle();
    expect(area(h.root).value).toBe('allow: []\n');
    await click(h.root, 'button', 'Keep it');
    await settle();
    expect(JSON.parse(kept.sent[0] ?? '')).toEqual({ name: 'site.yaml', text: 'allow: []\n', base: 0 });
    await vi.waitFor(() => expect(texts(h.root, 'table .mark-text')).toEqual(['unexpected']), 4_000);
  });

  it('has what is wrong beside its line, and loses nothing', async () => {
    const { h } = await open('allow: []\n');
    await click(h.root, 'button', 'Edit the declaration');
    await settle();
    type(area(h.root), 'allow:\n  wrong\n');
    await settle();
    await click(h.root, 'button', 'Keep it');
    await settle();
    expect(find(h.root, '.declaration .error').textContent).toBe('Line 2: allow[0].port must be a port');
    expect(find(h.root, '.wrong-line').getAttribute('style')).toContain('top: 28px');
    expect(area(h.root).value).toBe('allow:\n  wrong\n');
  });

  it('puts the rule of a row into the text, and leads to the chart', async () => {
    const { h } = await open('version: 1\nallow: []\n');
    await click(h.root, 'table button', 'Declare');
    await settle();
    expect(area(h.root).value).toBe('version: 1\nallow:\n  - from: {node: a}\n    to: {node: b}\n');
    find(h.root, 'tbody tr').click();
    await settle();
    expect(h.hash()).toBe(`#/chart?drift&connection=${encodeURIComponent(line?.id ?? '')}`);
    expect(h.app.route.value).toMatchObject({ view: 'chart', drift: true });
  });
});

describe('drift on the chart', () => {
  it('is marked while its link says so', async () => {
    const { h } = await open('allow: []\n', '#/chart?drift');
    await vi.waitFor(() => expect(h.app.shown.value?.marks?.connections.get(line?.id ?? '')).toBe('unexpected'), 4_000);
    expect(find(h.root, '.drift-line').textContent).toContain('1 unexpected');
    await vi.waitFor(() => expect(texts(h.root, '.legend li')).toContain('unexpected'), 4_000);
    await click(h.root, '.drift-line button', 'Close');
    await settle();
    expect(h.hash()).toBe('#/chart');
    expect(h.app.shown.value?.marks).toBeUndefined();
  });

  it('is in the palette', async () => {
    const { h } = await open(null);
    await press('Escape');
    actionsOf(h.app).find((a) => a.title === 'Mark drift on the chart')?.run();
    await settle();
    expect(h.hash()).toBe('#/chart?drift');
  });
});
