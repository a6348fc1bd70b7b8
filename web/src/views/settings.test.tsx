import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import { type Harness, type Reply, clear, find, json, settle, show, texts, type } from '../testing/app';
import { SettingsView } from './Settings';

afterEach(clear);

const SETTINGS = {
  ageing: '5m0s',
  hide_after: '840h0m0s',
  stale_after: '1m0s',
  retention: '720h0m0s',
  retention_bytes: 4294967296,
  key_frames: '24h0m0s',
  ledger_retention: '9600h0m0s',
  internal_networks: ['10.0.0.0/8', 'fc00::/7'],
  ignored_ports: [53, 123],
  ignored_names: ['rpc.statd'],
};

/** A server with settings that takes what it is given, unless `refuse` has an answer. */
function server(locked: string[] = [], refuse: () => Response | null = () => null): { reply: Reply; sent: unknown[] } {
  let current: object = SETTINGS;
  const sent: unknown[] = [];
  const reply: Reply = (method, path, body) => {
    if (path !== 'settings') return null;
    if (method === 'GET') return json({ settings: current, locked });
    sent.push(JSON.parse(body));
    const refused = refuse();
    if (refused) return refused;
    current = { ...current, ...(JSON.parse(body) as object) };
    return json({ settings: current, locked });
  };
  return { reply, sent };
}

function input(h: Harness, name: string): HTMLInputElement {
  return find(h.root, `#setting-${name}`) as HTMLInputElement;
}

async function save(h: Harness, name: string, text: string): Promise<void> {
  await type(input(h, name), text);
  await act(() => void input(h, name).closest('form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
  await settle();
}

function errors(h: Harness, name: string): string[] {
  return texts(h.root, `#setting-${name}-error .error`);
}

describe('settings', () => {
  it('are shown as text, one entry a line, ports after each other', async () => {
    const h = await show(<SettingsView />, server());
    expect(input(h, 'ageing').value).toBe('5m');
    expect(input(h, 'hide_after').value).toBe('840h');
    expect(input(h, 'retention_bytes').value).toBe('4 GiB');
    expect(input(h, 'internal_networks').value).toBe('10.0.0.0/8\nfc00::/7');
    expect(input(h, 'ignored_ports').value).toBe('53, 123');
    expect(input(h, 'ignored_ports').tagName).toBe('TEXTAREA');
  });

  it('have a label and a help text each', async () => {
    const h = await show(<SettingsView />, server());
    for (const name of Object.keys(SETTINGS)) expect(find(h.root, `label[for="setting-${name}"] .help`).textContent).not.toBe('');
  });

  it('say durations in words beside the input, also while they are written', async () => {
    const h = await show(<SettingsView />, server());
    const words = (name: string): string => find(h.root, `output[for="setting-${name}"]`).textContent;
    expect(['ageing', 'hide_after', 'stale_after', 'retention'].map(words)).toEqual(['5 minutes', '35 days', '1 minute', '30 days']);
    await type(input(h, 'retention'), '0s');
    expect(words('retention')).toBe('for ever');
    await type(input(h, 'retention'), '48h');
    expect(words('retention')).toBe('2 days');
  });

  it('say what stale means, how long the history is kept, and which networks always are internal', async () => {
    const h = await show(<SettingsView />, server());
    const help = (name: string): string => find(h.root, `label[for="setting-${name}"] .help`).textContent;
    expect(help('stale_after')).toContain('A node silent for longer is stale');
    expect(help('retention')).toContain('are kept for this long');
    for (const network of ['10/8', '172.16/12', '192.168/16', 'link-local', 'IPv6 unique local']) expect(help('internal_networks')).toContain(network);
  });

  it('offer to save only what was changed', async () => {
    const h = await show(<SettingsView />, server());
    expect(h.root.querySelectorAll('button[type="submit"]')).toHaveLength(0);
    await type(input(h, 'ageing'), '90s');
    expect(texts(h.root, 'button[type="submit"]')).toEqual(['Save']);
    await type(input(h, 'ageing'), '5m');
    expect(h.root.querySelectorAll('button[type="submit"]')).toHaveLength(0);
  });

  it.each([
    ['ageing', '90s', { ageing: '90s' }],
    ['stale_after', '90s', { stale_after: '90s' }],
    ['retention', '0s', { retention: '0s' }],
    ['ignored_ports', '53, 8080', { ignored_ports: [53, 8080] }],
    ['internal_networks', '', { internal_networks: [] }],
    ['ignored_names', 'a b\nc', { ignored_names: ['a b', 'c'] }],
  ])('send %s alone, and say that it is saved', async (name, text, body) => {
    const s = server();
    const h = await show(<SettingsView />, s);
    await save(h, name, text);
    expect(s.sent).toEqual([body]);
    expect(errors(h, name)).toEqual([]);
    expect(texts(h.root, 'button[type="submit"]')).toEqual(['Saved']);
    expect(input(h, name).getAttribute('aria-invalid')).toBe('false');
  });

  it('name field, rule and value of what is refused, and keep what was written', async () => {
    const problem = {
      title: 'invalid settings',
      status: 422,
      errors: [{ message: 'must be 1s to 24h', location: 'body.ageing', value: '0s' }],
    };
    const h = await show(<SettingsView />, server([], () => json(problem, 422)));
    await save(h, 'ageing', '0s');
    expect(errors(h, 'ageing')).toEqual(['must be 1s to 24h, is 0s']);
    expect(input(h, 'ageing').value).toBe('0s');
    expect(input(h, 'ageing').getAttribute('aria-invalid')).toBe('true');
    expect(input(h, 'ageing').getAttribute('aria-describedby')).toBe('setting-ageing-error');
    expect(find(h.root, '#setting-ageing-error').getAttribute('role')).toBe('alert');
    expect(errors(h, 'hide_after')).toEqual([]);
  });

  it('take a correction after that', async () => {
    let refused = true;
    const h = await show(<SettingsView />, server([], () => (refused ? json({ title: 'invalid', status: 422 }, 422) : null)));
    await save(h, 'ageing', 'soon');
    expect(errors(h, 'ageing')).toEqual(['invalid']);
    refused = false;
    await save(h, 'ageing', '2m');
    expect(errors(h, 'ageing')).toEqual([]);
  });

  it('say when somebody locked the field meanwhile', async () => {
    const h = await show(<SettingsView />, server([], () => json({ title: 'locked', status: 409, detail: 'ageing is set in dotm.yaml' }, 409)));
    await save(h, 'ageing', '2m');
    expect(errors(h, 'ageing')).toEqual(['ageing is set in dotm.yaml']);
  });

  it('that are locked are text, not inputs, and say where they are set', async () => {
    const h = await show(<SettingsView />, server(['ageing', 'ignored_ports']));
    expect(find(h.root, '#setting-ageing').tagName).toBe('SPAN');
    expect(find(h.root, '#setting-ageing').textContent).toBe('5 minutes');
    expect(find(h.root, '#setting-ignored_ports').textContent).toBe('53, 123');
    expect(texts(h.root, '.chip')).toEqual(['set in dotm.yaml', 'set in dotm.yaml']);
    expect(find(h.root, '#setting-hide_after').tagName).toBe('INPUT');
  });

  it('say why they cannot be read', async () => {
    const h = await show(<SettingsView />, { reply: (_, path) => (path === 'settings' ? json({ title: 'no store', status: 503 }, 503) : null) });
    expect(find(h.root, '[role="alert"]').textContent).toContain('No store');
    expect(h.root.querySelector('form')).toBeNull();
  });

  it('name the version once it is known', async () => {
    const h = await show(<SettingsView />, server());
    expect(h.root.textContent).not.toContain('version');
    void act(() => void (h.app.version.value = { version: '0.1.0', go: '', revision: '', started: '', listen: '', loopback: true }));
    await settle();
    expect(find(h.root, '.headline').textContent).toContain('dotm 0.1.0');
  });
});

describe('what this browser remembers', () => {
  const choose = async (h: Harness, group: string, words: string): Promise<void> => {
    const label = find(find(h.root, `[aria-label="${group}"]`), 'label', words);
    await act(() => void label.querySelector('input')?.dispatchEvent(new Event('change', { bubbles: true })));
    await settle();
  };

  it('is the theme', async () => {
    const h = await show(<SettingsView />, server());
    await choose(h, 'Theme', 'dark');
    expect(h.app.prefs.theme.value).toBe('dark');
    await choose(h, 'Theme', 'as the system');
    expect(h.app.prefs.theme.value).toBe('system');
  });

  it('is whose time it is', async () => {
    const h = await show(<SettingsView />, server());
    await choose(h, 'Times', 'UTC');
    expect(h.app.prefs.utc.value).toBe(true);
    await choose(h, 'Times', 'local time');
    expect(h.app.prefs.utc.value).toBe(false);
  });
});
