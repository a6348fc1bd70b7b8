import { afterEach, describe, expect, it } from 'vitest';
import type { TopologyDocument, WhatIf } from '../api/types';
import { APP, DB, WEB, at, ref } from '../fixtures/incident';
import { shopFixture } from '../fixtures/shop';
import { type Harness, clear, click, find, json, press, settle, showLive, texts, type } from '../testing/app';
import { Page } from '../views/Page';
// What is loaded when it is first shown, loaded before.
import '../state/tracing';
import './WhatIf';

afterEach(clear);

const CRON = ref('cron01', 'reports', 8000);

function whatIf(change: Partial<WhatIf> = {}): WhatIf {
  return {
    at: at('30:00'),
    of: [DB],
    confirmed: [{ ...APP, why: 'calls db01 postgres:5432', hops: 1 }],
    predicted: [{ ...CRON, why: 'calls db01 postgres:5432', hops: 1 }, { ...ref('cron02', 'reports', 8000), why: 'calls db01 postgres:5432', hops: 2 }],
    possible: [{ ...WEB, why: 'calls it, but not lately', hops: 3 }],
    spared: [{ ...ref('lb01', 'haproxy', 443), why: 'calls 2 members of the pool, 1 of them not affected' }],
    users: [{ node: 'app01', process: 'puma', service: 'db01~tcp~5432', last: at('29:00') }],
    covered_days: 12,
    coverage: 0.98,
    since: at('00:00'),
    text: ['If db01 postgres:5432 fails: 2 would fail next.', '1 were seen to use it in 12 covered days (98 % coverage).'],
    ...change,
  };
}

async function open(hash: string, answer: WhatIf = whatIf(), doc: TopologyDocument = shopFixture()): Promise<Harness> {
  return showLive(<Page />, {
    doc,
    hash,
    reply: (_, path) => (path.startsWith('impact?') ? json(answer) : path.startsWith('incidents?') ? json({ incidents: [] }) : null),
  });
}

describe('what if it fails', () => {
  it('stands beside the chart, which shows it, with how sure each part is', async () => {
    const h = await open('#/chart?fails=db01~tcp~5432');
    const panel = find(h.root, '.what-if');
    expect(texts(panel, '.effects h3')).toEqual(['Confirmed', 'Predicted', 'Possible', 'Not affected']);
    expect([...panel.querySelectorAll('.effects li')].map((li) => texts(li, ':scope > span:not(.state-word)').join(' '))).toEqual([
      'app01 puma:9292 calls db01 postgres:5432',
      'reports:8000 ×2 calls db01 postgres:5432',
      'web01 nginx:8080 calls it, but not lately, 2 steps further',
      'lb01 haproxy:443 calls 2 members of the pool, 1 of them not affected',
    ]);
    expect(find(h.root, 'canvas').getAttribute('aria-label')).toContain('If db01 postgres:5432 failed: 1 box in trouble, 1 predicted');
    expect(h.asked.find((a) => a.startsWith('GET impact'))).toBe('GET impact?of=db01~tcp~5432&since=-720h');
  });

  it('says so where nothing is sure to follow', async () => {
    const h = await open('#/chart?fails=db01~tcp~5432', whatIf({ confirmed: [], predicted: [], possible: [], spared: [] }));
    expect(find(h.root, '.what-if').textContent).toContain('Nothing would surely fail with it');
  });

  it('takes another place to what fails, and one away', async () => {
    const h = await open('#/chart?fails=db01~tcp~5432');
    await click(h.root, '.adding input');
    find(h.root, '.adding input').focus();
    await settle();
    await type(find(h.root, '.adding input'), 'mq01');
    expect(texts(h.root, '.adding [role="option"]')).toEqual(['mq01node', 'mq01 rabbitmq :5672service']);
    await press('ArrowDown');
    await press('Enter');
    expect(h.hash()).toBe('#/chart?fails=db01~tcp~5432,mq01~tcp~5672');
    await click(h.root, '[aria-label^="Without db01"]');
    expect(h.hash()).toBe('#/chart?fails=mq01~tcp~5672');
  });

  it('is asked by key for what is selected, and ended by Escape', async () => {
    const h = await open('#/chart?node=db01');
    await press('w');
    expect(h.hash()).toBe('#/chart?fails=db01');
    await press('Escape');
    expect(h.hash()).toBe('#/chart');
  });

  it('is asked by key for nothing yet where nothing is selected', async () => {
    const h = await open('#/chart');
    await press('w');
    expect(h.hash()).toBe('#/chart?fails=');
    expect(document.activeElement?.getAttribute('aria-label')).toBe('What fails: name, process or :port');
    expect(h.asked.some((a) => a.startsWith('GET impact'))).toBe(false);
  });
});

describe('who needs it', () => {
  it('says who was seen in how many covered days, and never that nobody needs it', async () => {
    const h = await open('#/nodes/db01?needs=db01');
    const dialog = find(document.body, 'dialog.what-if');
    expect(dialog.textContent).toContain('1 were seen to use it in 12 covered days (98 % coverage).');
    expect(texts(dialog, '.list li')[0]).toContain('app01 puma');
    expect(dialog.textContent).not.toMatch(/unused/i);
    await click(dialog, '.uses .segments button', '400 days');
    expect(h.asked).toContain('GET impact?of=db01&since=-9600h');
  });

  it('is asked by key on the page of a node', async () => {
    const h = await open('#/nodes/db01');
    await press('W');
    expect(h.hash()).toBe('#/nodes/db01?needs=db01');
  });
});
