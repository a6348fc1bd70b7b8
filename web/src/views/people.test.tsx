import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import type { APIToken, AuditEntry, ListedSession, Session, User } from '../api/types';
import { type Harness, type Reply, clear, click, find, json, settle, show, texts, type } from '../testing/app';
import { actor, spoken } from './AuditLog';
import { SettingsView } from './Settings';

afterEach(clear);

const AT = '2026-03-01T12:00:00Z';
const USERS: User[] = [
  { name: 'admin', role: 'admin', password: true, last_login: AT },
  { name: 'anna', role: 'viewer', password: false, link_expires: AT },
];
const SESSIONS: ListedSession[] = [
  { id: 's1', user: 'admin', role: 'admin', how: 'password', address: '192.0.2.7', program: 'Mozilla/5.0', created: AT, used: AT, this: true },
  { id: 's2', user: 'eve', role: 'operator', how: 'oidc', created: AT, used: AT, this: false },
];
const TOKENS: APIToken[] = [{ id: 't1', name: 'grafana', role: 'viewer', by: 'admin', created: AT, used: AT, used_from: '192.0.2.9' }];
const ENTRIES: AuditEntry[] = [
  { at: AT, kind: 'user', who: 'anna', what: 'change-settings', on: 'ageing', from: '192.0.2.7', changes: [{ field: 'ageing', before: '"5m0s"', after: '"9m0s"' }], result: 'done' },
  { at: AT, kind: 'nobody', what: 'login', from: '198.51.100.9', result: 'refused', why: 'user and password are not accepted' },
];

/** A server of somebody, that takes what it is given. */
function server(who: Session, more: Reply = () => null) {
  const sent: string[] = [];
  const reply: Reply = (method, path, body) => {
    if (method !== 'GET') sent.push(`${method} ${path}${body ? ` ${body}` : ''}`);
    const own = more(method, path, body);
    if (own) return own;
    if (path === 'session') return json(who);
    if (path === 'password') return json(who);
    if (path === 'users' && method === 'GET') return json({ users: USERS });
    if (path === 'sessions') return json({ sessions: who.role === 'admin' ? SESSIONS : SESSIONS.slice(1) });
    if (path === 'api-tokens' && method === 'GET') return json({ tokens: TOKENS });
    if (path.startsWith('audit')) return json({ entries: path.includes('find=nothing') ? [] : ENTRIES, more: path.includes('limit=20') });
    const link = { secret: 'x', expires: AT, url: 'https://dotm.example/login#setup=x&user=bob' };
    if (method === 'POST' && (path === 'users' || path.endsWith('/link'))) return json(link, 201);
    if (method === 'POST' && path === 'api-tokens') return json({ ...TOKENS[0], token: 'dotm1t.t1.secret' }, 201);
    return method === 'GET' ? null : new Response(null, { status: 204 });
  };
  return { sent, reply };
}

const ADMIN: Session = { user: 'admin', role: 'admin', needed: false, how: 'password' };

async function settings(who: Session, more?: Reply): Promise<Harness & { sent: string[] }> {
  const { sent, reply } = server(who, more);
  const h = await show(<SettingsView />, { reply });
  await act(() => h.app.session.check());
  await settle();
  return { ...h, sent };
}

const part = (h: Harness, name: string): HTMLElement => find(h.root, `section[aria-label="${name}"]`);

async function choose(select: HTMLElement, value: string): Promise<void> {
  await act(() => {
    (select as HTMLSelectElement).value = value;
    select.dispatchEvent(new Event('change', { bubbles: true }));
  });
  await settle();
}

async function submit(form: ParentNode): Promise<void> {
  await act(() => void form.querySelector('form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
  await settle();
}

describe('people', () => {
  it('are listed with what they may, and whether they have a password', async () => {
    const h = await settings(ADMIN);
    const rows = texts(part(h, 'People'), 'tbody tr');
    expect(rows[0]).toContain('admin: everything');
    expect(rows[1]).toContain('none yet, a link for');
    expect(part(h, 'People').querySelector('[aria-label="Role of admin"]')).toBeNull();
    expect(part(h, 'People').querySelector('[aria-label="Remove admin"]')).toBeNull();
  });

  it('are added, and the link that sets their password is shown', async () => {
    const h = await settings(ADMIN);
    await click(part(h, 'People'), 'button', 'Add a user');
    const dialog = find(h.root, 'dialog');
    expect(find(dialog, 'button[type="submit"]').hasAttribute('disabled')).toBe(true);
    await type(find(dialog, '#user-name'), ' bob ');
    await choose(find(dialog, '[aria-label="Role"]'), 'operator');
    await submit(dialog);
    expect(h.sent).toEqual(['POST users {"name":"bob","role":"operator"}']);
    expect(find(h.root, 'dialog').textContent).toContain('https://dotm.example/login#setup=x&user=bob');
  });

  it('that cannot be are refused with why', async () => {
    const h = await settings(ADMIN, (method, path) => (method === 'POST' && path === 'users' ? json({ title: 'Unprocessable', status: 422, detail: 'there is a user "bob"' }, 422) : null));
    await click(part(h, 'People'), 'button', 'Add a user');
    await type(find(h.root, '#user-name'), 'bob');
    await submit(find(h.root, 'dialog'));
    expect(find(h.root, 'dialog .error').textContent).toBe('There is a user "bob"');
  });

  it('get another role, another link, and are removed', async () => {
    const h = await settings(ADMIN);
    await choose(find(h.root, '[aria-label="Role of anna"]'), 'admin');
    await click(h.root, '[aria-label="New link for anna"]');
    expect(find(h.root, 'dialog').textContent).toContain('A link for anna');
    await click(h.root, 'dialog [aria-label="Close"]');
    await click(h.root, '[aria-label="Remove anna"]');
    await click(h.root, '.confirm button', 'Remove');
    expect(h.sent).toEqual(['PATCH users/anna {"role":"admin"}', 'POST users/anna/link', 'DELETE users/anna']);
  });

  it('are for admins: others see their own sessions', async () => {
    const h = await settings({ user: 'eve', role: 'operator', needed: false, how: 'oidc' });
    expect(texts(h.root, '.access h2')).toEqual(['Your sessions']);
    expect(h.asked).not.toContain('GET users');
    expect(h.root.textContent).not.toContain('Change your password');
  });

  it('are nobody where no login is needed', async () => {
    const h = await show(<SettingsView />, { reply: () => null });
    await act(() => h.app.session.check());
    await settle();
    expect(h.asked).toContain('GET users');
    expect(h.root.querySelector('.access')).toBeNull();
  });
});

describe('API tokens', () => {
  it('are made for a while, shown once, and ended', async () => {
    const h = await settings(ADMIN);
    expect(texts(part(h, 'API tokens'), 'tbody tr')[0]).toContain('from 192.0.2.9');
    await click(part(h, 'API tokens'), 'button', 'Make an API token');
    await type(find(h.root, '#token-name'), 'backup');
    await submit(find(h.root, 'dialog'));
    expect(find(h.root, 'dialog').textContent).toContain('Authorization: Bearer dotm1t.t1.secret');
    await click(h.root, 'dialog [aria-label="Close"]');
    expect(h.root.textContent).not.toContain('dotm1t.t1.secret');
    await click(h.root, '[aria-label="End grafana"]');
    await click(h.root, '.confirm button', 'End it');
    expect(h.sent).toEqual(['POST api-tokens {"name":"backup","role":"viewer","expires_in":"2160h"}', 'DELETE api-tokens/t1']);
  });
});

describe('sessions', () => {
  it('are listed with where they are from, and ended', async () => {
    const h = await settings(ADMIN);
    const rows = texts(part(h, 'Sessions'), 'tbody tr');
    expect(rows.some((r) => r.includes('admin this one') && r.includes('192.0.2.7'))).toBe(true);
    await click(h.root, '[aria-label="End the session of eve"]');
    await click(h.root, '.confirm button', 'End it');
    expect(h.sent).toEqual(['DELETE sessions/s2']);
  });

  it('of one’s own end with another password', async () => {
    const h = await settings(ADMIN);
    await click(h.root, 'button', 'Change your password');
    const fill = (name: string, text: string): void => void ((find(h.root, `[name="${name}"]`) as HTMLInputElement).value = text);
    fill('current-password', 'the present one');
    fill('new-password', 'short');
    await submit(part(h, 'Sessions'));
    expect(find(h.root, '.password .error').textContent).toContain('at least 12');
    fill('new-password', 'a newer password');
    fill('again', 'a never password');
    await submit(part(h, 'Sessions'));
    expect(find(h.root, '.password .error').textContent).toBe('The two passwords differ.');
    fill('again', 'a newer password');
    await submit(part(h, 'Sessions'));
    expect(h.sent).toEqual(['POST password {"before":"the present one","password":"a newer password"}']);
    expect(h.root.textContent).toContain('Changed. All your other sessions ended.');
  });
});

describe('the audit log', () => {
  it('says who changed what, before and after, and what was refused', async () => {
    const h = await settings(ADMIN);
    const rows = texts(part(h, 'Audit log'), '.audit > li');
    expect(rows[0]).toContain('anna change settings ageing from 192.0.2.7');
    expect(rows[0]).toContain('ageing: "5m0s" → "9m0s"');
    expect(rows[1]).toContain('somebody without a login refused: login');
    expect(rows[1]).toContain('user and password are not accepted');
  });

  it('is searched, and goes back further', async () => {
    const h = await settings(ADMIN);
    await click(part(h, 'Audit log'), 'button', 'Older ones');
    expect(h.asked).toContain('GET audit?limit=100');
    await type(find(h.root, '[aria-label="Search the audit log"]'), 'nothing');
    expect(part(h, 'Audit log').textContent).toContain('Nothing of that was found.');
  });

  it.each([
    [{ kind: 'socket' }, 'the server’s machine'],
    [{ kind: 'token', who: 'grafana' }, 'token grafana'],
    [{ kind: 'agent', who: 'web1' }, 'agent web1'],
    [{ kind: 'user' }, 'somebody'],
  ] as const)('%j is %s', (entry, words) => expect(actor(entry)).toBe(words));

  it('speaks of operations in words', () => expect(spoken('remove-api-token')).toBe('remove api token'));
});

describe('settings of an operator', () => {
  it('are names alone', async () => {
    const h = await settings({ user: 'op', role: 'operator', needed: false });
    expect(find(h.root, '#setting-names').tagName).toBe('TEXTAREA');
    expect(find(h.root, '#setting-ageing').tagName).toBe('SPAN');
  });
});
