import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { useApp } from '../app';
import type { Check, MappingRule, Moved } from '../api/types';
import { makeAlertSite, makeCheck, makeChecks } from '../fixtures';
import { CheckSheet } from '../parts/CheckSheet';
import { type Harness, clear, click, find, json, press, settle, showLive, texts, type } from '../testing/app';
import { MappingView } from './Mapping';

afterEach(clear);

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

interface Server {
  rules?: MappingRule[];
  aliases?: Record<string, string>;
  locked?: string[];
  checks?: readonly Check[];
  moves?: readonly Moved[];
  /** What is said instead of what would be. */
  refuse?: (sent: Sent) => Response | null;
}

const MOVE: Moved = {
  id: 'disk', source: 'icinga', host: 'db01.example', name: 'disk <b>',
  from: { node: 'db01', mapping: { rule: 'host', evidence: '' } }, to: { node: 'db01', service: 'db01~tcp~5432', mapping: { rule: 'rule', evidence: '' } },
};

/** The page, and what it sent; the server keeps what is written. */
async function page({ rules = [], aliases = {}, locked = [], checks = makeChecks(), moves = [MOVE], refuse = () => null }: Server = {}, hash = '#/mapping') {
  const sent: Sent[] = [];
  const kept = { mapping: rules, aliases };
  const reply = (method: string, path: string, body: string): Response | null => {
    if (method !== 'GET') {
      const one = { method, path, body: body ? (JSON.parse(body) as unknown) : null };
      sent.push(one);
      const refused = refuse(one);
      if (refused) return refused;
    }
    if (path.startsWith('checks?id=')) return json({ checks: checks.filter((c) => path === `checks?id=${c.id}`) });
    if (path === 'checks') return json({ checks });
    if (path === 'mapping/preview') return json({ moves });
    if (path === 'settings' && method === 'PATCH') Object.assign(kept, JSON.parse(body));
    if (path === 'settings') return json({ settings: kept, locked });
    if (!path.endsWith('/map')) return null;
    const { preview, service } = JSON.parse(body) as { preview?: boolean; service?: string };
    const rule = { check: '^(?-i:disk)$', host: '^(?-i:db01\\.example)$', ...(service ? { process: '^(?-i:postgres)$', port: 5432 } : { node: 'db01' }) };
    const what = path.includes('legacy') ? { alias: 'legacy01', node: 'db01' } : { rule, node: 'db01' };
    return json({ ...what, ...(preview ? { moves } : {}) });
  };
  function Sheet() {
    const { route } = useApp();
    return route.value.check ? <CheckSheet /> : null;
  }
  const h = await showLive(<><MappingView /><Sheet /></>, { doc: makeAlertSite(), hash, reply });
  await settle();
  return { h, sent, kept };
}

const field = (h: Harness, label: string): HTMLInputElement => find(h.root, `[aria-label="${label}"]`) as HTMLInputElement;

/** Waits until it was asked what would move. */
async function tried(sent: readonly Sent[], count = 1): Promise<void> {
  await vi.waitFor(() => expect(sent.filter((s) => s.path === 'mapping/preview')).toHaveLength(count), 3_000);
  await settle();
}

async function submit(h: Harness, selector: string): Promise<void> {
  await act(() => void find(h.root, selector).dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
  await settle();
}

describe('the list of mappings', () => {
  it('says of each check what decided, and why', async () => {
    const { h } = await page();
    expect(find(h.root, 'tbody tr', 'replication').textContent).toContain('portThe arguments name port 5432Correct');
    expect(find(h.root, 'tbody tr', 'disk').textContent).toContain('whole hostDb01.example is db01');
    expect(find(h.root, 'tbody tr', 'legacy01').textContent).toContain('noneNo node is known as legacy01Map by hand');
    expect(texts(h.root, '.figures > div')).toEqual(['checks9', 'on a service4', 'on a node4', 'ambiguous0', 'of no node1']);
  });

  it('is narrowed by what decided and by words, in the link', async () => {
    const { h } = await page();
    expect(texts(h.root, '.chips button')).toEqual(['All 9', 'Port 4', 'Whole host 4', 'Of no node 1']);
    await click(h.root, '.chips button', 'Of no node');
    expect(h.hash()).toBe('#/mapping?by=none');
    expect(texts(h.root, 'td.strong')).toEqual(['host']);
    await click(h.root, '.chips button', 'Of no node');
    await type(find(h.root, '[type="search"]'), 'nothing such');
    expect(find(h.root, '.nothing').textContent).toBe('Nothing matches “nothing such”.');
  });

  it('lets those who may only look correct nothing, and write no rule', async () => {
    const { h } = await page({ rules: [{ check: 'x', port: 1 }] });
    await act(() => {
      h.app.session.role.value = 'viewer';
      h.app.session.door.value = 'in';
    });
    expect(texts(h.root, 'button').filter((b) => /Correct|Add|Map by|Save/.test(b))).toEqual([]);
    expect(h.root.querySelector('.rules input')).toBeNull();
    expect(find(h.root, '.rule-check').textContent).toBe('x');
  });

  it('says so where there is no check', async () => {
    const { h } = await page({ checks: [] });
    expect(find(h.root, '.nothing').textContent).toBe('No monitoring system tells of any check so far.');
  });
});

describe('a correction', () => {
  it('shows the rule that it writes and what that moves, before it does', async () => {
    const { h, sent } = await page();
    await click(find(h.root, 'tbody tr', 'disk'), 'button', 'Correct');
    expect(find(h.root, 'dialog h2').textContent).toBe('What is db01 disk about?');
    expect(document.activeElement).toBe(find(h.root, '[role="combobox"]'));
    await type(find(h.root, '[role="combobox"]'), 'db01 5432');
    await press('Enter');
    expect(sent).toEqual([{ method: 'POST', path: 'checks/disk/map', body: { node: 'db01', service: 'db01~tcp~5432', preview: true } }]);
    const said = find(h.root, '.consequence');
    expect(said.textContent).toContain('Checks called “disk” of host “db01.example” are about process “postgres” on port 5432.');
    expect(said.textContent).toContain('Changes 1 mapping');
    expect(texts(said, '.moves li')).toEqual(['db01.example disk <b>db01 as a whole→postgres :5432 on db01']);
    expect(said.querySelector('li b')).toBeNull();
    await click(said, 'button', 'Write this rule');
    expect(sent[1]).toEqual({ method: 'POST', path: 'checks/disk/map', body: { node: 'db01', service: 'db01~tcp~5432' } });
    expect(h.root.querySelector('dialog')).toBeNull();
  });

  it('is walked through by arrows, from end to end', async () => {
    const { h } = await page();
    await click(find(h.root, 'tbody tr', 'disk'), 'button', 'Correct');
    const at = (): string => find(h.root, '.target.at').id;
    await press('ArrowDown');
    expect(at()).toBe('target-1');
    await press('ArrowUp');
    await press('ArrowUp');
    expect(at()).toBe(`target-${h.root.querySelectorAll('.target').length - 1}`);
    await type(find(h.root, '[role="combobox"]'), 'no such thing');
    expect(find(h.root, '.picker .nothing').textContent).toContain('Nothing matches “no such thing”.');
    await press('Enter');
    expect(h.root.querySelector('.consequence')).toBeNull();
  });

  it('of a host that is no node is an alias; nodes only are to choose', async () => {
    const { h, sent } = await page();
    await click(h.root, 'button', 'Map by hand');
    expect([...h.root.querySelectorAll('.target .aside')].every((a) => a.textContent === 'the node as a whole')).toBe(true);
    await type(find(h.root, '[role="combobox"]'), 'db01');
    await click(h.root, '.target', 'db01');
    expect(find(h.root, '.consequence').textContent).toContain('Host “legacy01” is the node db01, with all of its checks.');
    await click(h.root, 'button', 'Write this alias');
    expect(sent.at(-1)).toMatchObject({ path: 'checks/legacy/map', body: { node: 'db01' } });
  });

  it('is a line to copy where dotm.yaml has the rules', async () => {
    const { h } = await page({ locked: ['mapping'] });
    await click(find(h.root, 'tbody tr', 'disk'), 'button', 'Correct');
    await press('Enter');
    expect(find(h.root, '.consequence h3').textContent).toBe('Add this to the mapping in dotm.yaml, before all other rules');
    expect(find(h.root, '.consequence .command code').textContent).toContain('- {check: "^(?-i:disk)$", host: "^(?-i:db01\\\\.example)$"');
    expect(texts(h.root, '.consequence button')).not.toContain('Write this rule');
  });

  it('that moves nothing says so, and one that is refused why', async () => {
    const { h } = await page({ moves: [] });
    await click(find(h.root, 'tbody tr', 'disk'), 'button', 'Correct');
    await press('Enter');
    expect(find(h.root, '.consequence').textContent).toContain('It moves no check');
    clear();
    const refused = await page({ refuse: (s) => (s.path.endsWith('/map') ? json({ title: 'Unprocessable Entity', status: 422, detail: 'no rule leads there: two of one kind' }, 422) : null) });
    await click(find(refused.h.root, 'tbody tr', 'disk'), 'button', 'Correct');
    await press('Enter');
    expect(find(refused.h.root, '.consequence .error').textContent).toBe('No rule leads there: two of one kind');
    expect(refused.h.root.querySelector('.consequence .strong')).toBeNull();
  });

  it('is made from the check in full, and leads back to it', async () => {
    const { h, sent } = await page({}, '#/mapping?check=disk');
    await click(h.root, 'dialog button', 'Correct');
    expect(find(h.root, 'dialog h2').textContent).toBe('What is db01 disk about?');
    await press('Enter');
    await click(h.root, 'button', 'Write this rule');
    expect(sent).toHaveLength(2);
    expect(find(h.root, 'dialog h2').textContent).toBe('db01 disk');
    expect(h.hash()).toBe('#/mapping?check=disk');
  });

  it('is not made of the past, nor by those who may only look', async () => {
    const { h } = await page({}, '#/mapping?check=disk&at=2026-11-23T05:00:00Z');
    const reply = texts(h.root, 'dialog button');
    expect(reply.join()).not.toContain('Correct');
  });
});

const RULES: MappingRule[] = [{ check: '^HTTP', process: 'nginx' }, { name: 'dns', check: 'dns', port: 53, protocol: 'udp' }];

describe('the rules', () => {
  it('are shown in their order, with how many checks each decided on', async () => {
    const checks = [makeCheck({ id: 'a', mapping: { rule: 'rule', evidence: 'rule 1 of the settings: x' } }), makeCheck({ id: 'b', mapping: { rule: 'rule', evidence: 'rule "dns" of the settings: x' } }), makeCheck({ id: 'c', mapping: { rule: 'rule', evidence: 'rule 1 of the settings: x' } })];
    const { h } = await page({ rules: RULES, checks });
    expect(texts(h.root, '.rule-count')).toEqual(['2', '1']);
    expect([field(h, 'Check name of rule 1').value, field(h, 'Port of rule 2').value, field(h, 'Name of rule 2').value]).toEqual(['^HTTP', '53/udp', 'dns']);
  });

  it('are added, tried and saved; what is empty is left out', async () => {
    const { h, sent, kept } = await page({ rules: RULES, aliases: { a: 'db01' } });
    await click(h.root, 'button', 'Add a rule');
    expect(document.activeElement).toBe(field(h, 'Check name of rule 3'));
    await type(field(h, 'Check name of rule 3'), 'disk');
    await type(field(h, 'Port of rule 3'), '5432');
    expect(texts(h.root, '.rule-count')[2]).toBe('new');
    await tried(sent);
    expect(sent[0]?.body).toEqual({ mapping: [...RULES, { check: 'disk', port: 5432 }], aliases: { a: 'db01' } });
    expect(find(h.root, '.consequence').textContent).toContain('Changes 1 of 9 mappings');
    await submit(h, '.mapping-editor');
    expect(sent.at(-1)).toEqual({ method: 'PATCH', path: 'settings', body: { mapping: [...RULES, { check: 'disk', port: 5432 }] } });
    expect(kept.mapping).toHaveLength(3);
    expect(h.root.querySelector('.consequence')).toBeNull();
  });

  it('are moved by buttons and keys, and removed', async () => {
    const { h } = await page({ rules: [...RULES, { check: 'third', port: 3 }] });
    const order = (): string[] => [1, 2, 3].map((i) => h.root.querySelector<HTMLInputElement>(`[aria-label="Check name of rule ${i}"]`)?.value ?? '');
    await click(h.root, '[aria-label="Move rule 1 down"]');
    expect(order()).toEqual(['dns', '^HTTP', 'third']);
    field(h, 'Check name of rule 3').focus();
    await press('ArrowUp', { altKey: true });
    expect(order()).toEqual(['dns', 'third', '^HTTP']);
    await press('ArrowUp');
    await press('ArrowDown', { altKey: true });
    await press('ArrowDown', { altKey: true });
    expect(order()).toEqual(['dns', '^HTTP', 'third']);
    await click(h.root, '[aria-label="Remove rule 2"]');
    expect(order()).toEqual(['dns', 'third', '']);
    expect((find(h.root, '[aria-label="Move rule 1 up"]') as HTMLButtonElement).disabled).toBe(true);
    await click(h.root, 'button', 'Undo the changes');
    expect(order()).toEqual(['^HTTP', 'dns', 'third']);
  });

  it('that are wrong say so at their field, and can’t be saved', async () => {
    let wrong = true;
    const refuse = ({ path }: Sent): Response | null =>
      wrong && path === 'mapping/preview' ? json({ title: 'Unprocessable Entity', status: 422, detail: 'mapping[0].check must be …', errors: [{ location: 'body.mapping[0].check', message: 'must be a regular expression as RE2 takes them', value: '(' }] }, 422) : null;
    const { h, sent } = await page({ rules: RULES, refuse });
    await type(field(h, 'Check name of rule 1'), '(');
    await tried(sent);
    expect(find(h.root, '.rule-check .error').textContent).toBe('Must be a regular expression as RE2 takes them');
    expect(field(h, 'Check name of rule 1').getAttribute('aria-invalid')).toBe('true');
    await submit(h, '.mapping-editor');
    expect(sent.some((s) => s.method === 'PATCH')).toBe(false);
    wrong = false;
    await type(field(h, 'Check name of rule 1'), '^HTTP ');
    await tried(sent, 2);
    expect(h.root.querySelector('.rule .error')).toBeNull();
  });

  it('that are refused when saved say why', async () => {
    const { h, sent } = await page({ rules: RULES, refuse: ({ method }) => (method === 'PATCH' ? json({ title: 'Service Unavailable', status: 503, detail: 'the store is down' }, 503) : null) });
    await click(h.root, '[aria-label="Remove rule 1"]');
    await tried(sent);
    await submit(h, '.mapping-editor');
    expect(find(h.root, '.consequence .error').textContent).toBe('The store is down');
    expect(field(h, 'Check name of rule 1').value).toBe('dns');
  });

  it('of dotm.yaml are text, with a chip', async () => {
    const { h } = await page({ rules: RULES, aliases: { 'db-main': 'db01' }, locked: ['mapping', 'aliases'] });
    expect(h.root.querySelector('.rules input, .aliases input')).toBeNull();
    expect(texts(h.root, '.mapping-editor .chip')).toEqual(['set in dotm.yaml', 'set in dotm.yaml']);
    expect(find(h.root, '.rule-port', '53').textContent).toBe('53/udp');
    expect(find(h.root, '.aliases li').textContent).toBe('db-main is db01');
    expect(texts(h.root, '.mapping-editor button')).toEqual([]);
  });

  it('that somebody else changed meanwhile are not overwritten unseen', async () => {
    const { h, kept } = await page({ rules: RULES });
    await type(field(h, 'Check name of rule 1'), '^HTTPS');
    kept.mapping = [{ check: 'theirs', port: 1 }];
    await h.go('#/mapping?check=disk');
    await vi.waitFor(() => expect(find(h.root, '.consequence .warning-text').textContent).toContain('Somebody else changed the rules meanwhile'), 3_000);
    expect(field(h, 'Check name of rule 1').value).toBe('^HTTPS');
    await click(h.root, 'button', 'Undo the changes');
    expect(field(h, 'Check name of rule 1').value).toBe('theirs');
  });
});

describe('aliases', () => {
  it('are added, changed and removed', async () => {
    const { h, sent } = await page({ aliases: { 'db-main': 'db01', old: 'gone' } });
    await click(h.root, '[aria-label="Remove the alias of old"]');
    await click(h.root, 'button', 'Add an alias');
    expect(document.activeElement).toBe([...h.root.querySelectorAll('[aria-label="Monitored host"]')].at(-1));
    await type(document.activeElement as HTMLElement, 'legacy01');
    await type([...h.root.querySelectorAll<HTMLElement>('.aliases [aria-label="Node"]')].at(-1) as HTMLElement, 'web01');
    await tried(sent);
    await submit(h, '.mapping-editor');
    expect(sent.at(-1)).toEqual({ method: 'PATCH', path: 'settings', body: { aliases: { 'db-main': 'db01', legacy01: 'web01' } } });
  });

  it('that contradict each other are not sent', async () => {
    const { h, sent } = await page({ aliases: { a: 'db01' } });
    await click(h.root, 'button', 'Add an alias');
    await type(document.activeElement as HTMLElement, 'a');
    await type([...h.root.querySelectorAll<HTMLElement>('.aliases [aria-label="Node"]')].at(-1) as HTMLElement, 'web01');
    expect(texts(h.root, '.aliases .error')).toContain('Another line says something else of this host');
    await submit(h, '.mapping-editor');
    expect(sent.some((s) => s.method === 'PATCH')).toBe(false);
  });

  it('that are refused say so at their line', async () => {
    const { h, sent } = await page({ aliases: { a: 'db01' }, refuse: ({ path }) => (path === 'mapping/preview' ? json({ title: 'x', status: 422, errors: [{ location: 'body.aliases[a]', message: 'must name a node, in 1 to 1024 bytes' }] }, 422) : null) });
    await type(find(h.root, '.aliases [aria-label="Node"]'), ' ');
    await tried(sent);
    expect(find(h.root, '.aliases .error').textContent).toBe('Must name a node, in 1 to 1024 bytes');
  });
});
