import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../api/types';
import { fleetFixture } from '../fixtures';
import { TopBar } from '../parts/TopBar';
import { type Harness, type Reply, clear, click, find, json, settle, show, showLive, texts } from '../testing/app';
import { Door } from './Door';
import { refusal } from './Login';

afterEach(clear);

const OUT: Session = { user: '', role: '', needed: true, setup: false };
const ADA: Session = { user: 'ada', role: 'admin', needed: false };
const UNAUTHORIZED = { title: 'Unauthorized', status: 401, detail: 'log in first' };

/** A server with a login: answers nothing else before, and everything after. */
function guarded(more: Reply = () => null) {
  const state = { in: false, sent: [] as string[] };
  const reply: Reply = (method, path, body) => {
    if (method !== 'GET') state.sent.push(`${method} ${path} ${body}`);
    const own = more(method, path, body);
    if (own) return own;
    if (path === 'session') return json(state.in ? ADA : OUT);
    if (path === 'login' || path === 'setup') {
      state.in = true;
      return json(ADA);
    }
    if (path === 'logout') {
      state.in = false;
      return json(OUT);
    }
    return state.in ? null : json(UNAUTHORIZED, 401);
  };
  return { state, reply };
}

function fill(root: ParentNode, name: string, text: string): void {
  const input = root.querySelector<HTMLInputElement>(`[name="${name}"]`);
  if (!input) throw new Error(`no field ${name}`);
  input.value = text;
}

const login = async (h: Harness, user = 'ada', password = 'secret'): Promise<void> => {
  fill(h.root, 'username', user);
  fill(h.root, 'password', password);
  await click(h.root, 'button[type="submit"]');
};

describe('the login', () => {
  it('stands before the page, and leads to where the link pointed', async () => {
    const { reply, state } = guarded();
    const h = await show(<Door />, { reply, doc: fleetFixture(), hash: '#/nodes?show=stale' });
    expect(find(h.root, 'h1').textContent).toBe('Log in');
    expect(h.root.querySelector('.top')).toBeNull();
    expect(h.root.textContent).not.toContain('session ended');
    await login(h, ' ada ');
    expect(state.sent).toEqual(['POST login {"user":"ada","password":"secret"}']);
    // The page itself is loaded when it is first shown.
    await vi.waitFor(() => expect(h.root.querySelector('h1')?.textContent).toBe('Nodes'));
    expect(h.hash()).toBe('#/nodes?show=stale');
  });

  it('says that the password is wrong, at the field', async () => {
    const { reply } = guarded((_, path) => (path === 'login' ? json({ title: 'Unauthorized', status: 401, detail: 'no such login' }, 401) : null));
    const h = await show(<Door />, { reply });
    await login(h);
    expect(find(h.root, '[role="alert"]').textContent).toBe('This user and password do not fit.');
    expect(h.root.querySelector('[name="password"]')?.getAttribute('aria-invalid')).toBe('true');
  });

  it('says how long to wait after too many attempts', async () => {
    const busy = (): Response =>
      new Response(JSON.stringify({ title: 'Too Many Requests', status: 429 }), { status: 429, headers: { 'content-type': 'application/problem+json', 'retry-after': '42' } });
    const { reply } = guarded((_, path) => (path === 'login' ? busy() : null));
    const h = await show(<Door />, { reply });
    await login(h);
    expect(find(h.root, '[role="alert"]').textContent).toBe('Too many attempts. Try again in 42 s.');
  });

  it('tells where the first password comes from', async () => {
    const { reply } = guarded((_, path) => (path === 'session' ? json({ ...OUT, setup: true }) : null));
    const h = await show(<Door />, { reply });
    expect(h.root.textContent).toContain('Nobody has a password yet.');
    expect(texts(h.root, 'code')).toContain('dotm login-link');
  });

  it.each([
    [{ title: 'x', status: 429 }, 'Too many attempts. Try again in a while.'],
    [{ title: 'dotm does not answer', status: 0, detail: '' }, 'Dotm does not answer.'],
    [{ title: 'Forbidden', status: 403, detail: 'log in over https!' }, 'Log in over https!'],
  ])('%j is said as %s', (problem, words) => expect(refusal(problem)).toBe(words));
});

describe('a provider that vouches for people', () => {
  const offered: Reply = (_, path) => (path === 'session' ? json({ ...OUT, provider: 'Example login' }) : null);

  it('has a button of its own, beside the password', async () => {
    const h = await show(<Door />, { reply: guarded(offered).reply });
    await h.app.session.check();
    await settle();
    const way = find(h.root, 'a.button');
    expect([way.textContent.trim(), way.getAttribute('href')]).toEqual(['Log in with Example login', 'api/v1/login/oidc']);
    expect(h.root.querySelector('[name="password"]')).not.toBeNull();
    expect(h.root.textContent).not.toContain('gives you a role');
  });

  it('is not offered where there is none', async () => {
    const h = await show(<Door />, { reply: guarded().reply });
    expect(h.root.querySelector('a.button')).toBeNull();
  });

  it.each([
    ['role', 'nothing gives you a role here'],
    ['provider', 'The provider does not answer'],
    ['else', 'was not accepted'],
  ])('says why it led back: %s', async (why, words) => {
    const h = await show(<Door />, { reply: guarded(offered).reply });
    h.app.session.turnedAway.value = why;
    await h.app.session.check();
    await settle();
    expect(find(h.root, '.critical-text').textContent).toContain(words);
  });
});

describe('the first password', () => {
  const withSecret = async (reply: Reply): Promise<Harness> => {
    const h = await show(<Door />, { reply, doc: fleetFixture() });
    h.app.session.secret.value = 's3cret';
    await settle();
    return h;
  };
  const submit = async (h: Harness, first: string, second: string): Promise<string> => {
    fill(h.root, 'new-password', first);
    fill(h.root, 'again', second);
    await click(h.root, 'button[type="submit"]');
    return h.root.querySelector('.refused')?.textContent ?? '';
  };

  it('is set by the link, after a look at it', async () => {
    const { reply, state } = guarded();
    const h = await withSecret(reply);
    expect(find(h.root, 'h1').textContent).toBe('Choose a password');
    expect(await submit(h, 'short', 'short')).toBe('The password must have at least 12 characters.');
    expect(await submit(h, 'correct horse', 'correct house')).toBe('The two passwords differ.');
    expect(state.sent).toEqual([]);
    await submit(h, 'correct horse battery', 'correct horse battery');
    expect(state.sent).toEqual(['POST setup {"secret":"s3cret","password":"correct horse battery"}']);
    expect(h.root.querySelector('.top')).not.toBeNull();
  });

  it('says whose it is', async () => {
    const h = await withSecret(guarded().reply);
    expect(h.root.textContent).toContain('For the user admin, who may do everything here.');
    h.app.session.invited.value = 'anna';
    await settle();
    expect(h.root.textContent).toContain('For the user anna. The link');
    expect(h.root.querySelector<HTMLInputElement>('[name="username"]')?.value).toBe('anna');
  });

  it('is not set by a link that was used', async () => {
    const { reply } = guarded((_, path) => (path === 'setup' ? json({ title: 'Unauthorized', status: 401 }, 401) : null));
    const h = await withSecret(reply);
    expect(await submit(h, 'correct horse battery', 'correct horse battery')).toContain('This link was used already');
    await click(h.root, 'button', 'I have a password');
    expect(find(h.root, 'h1').textContent).toBe('Log in');
  });
});

describe('a session', () => {
  it('that ends in the middle leads to the login and back, and the stream goes on after it', async () => {
    const { reply, state } = guarded();
    state.in = true;
    const h = await show(<Door />, { reply, doc: fleetFixture(), hash: '#/nodes/app02' });
    await h.app.session.check();
    await settle();
    const first = h.sources.at(-1);
    await vi.waitFor(() => expect(h.root.querySelector('h1')?.textContent).toBe('app02'));
    state.in = false;
    first?.send('error', null);
    await settle();
    expect(find(h.root, 'h1').textContent).toBe('Log in');
    expect(h.root.textContent).toContain('Your session ended. You get back to where you were.');
    expect(h.app.feed.topology.value).toBeNull();
    expect(h.sources.at(-1)?.closed).toBe(true);
    await login(h);
    await vi.waitFor(() => expect(h.root.querySelector('h1')?.textContent).toBe('app02'));
    expect(h.sources.at(-1)).not.toBe(first);
    expect(h.sources.at(-1)?.closed).toBe(false);
  });

  it('is ended by who began it', async () => {
    const { reply, state } = guarded();
    state.in = true;
    const h = await show(<Door />, { reply, doc: fleetFixture() });
    await h.app.session.check();
    await settle();
    expect(find(h.root, '#account').textContent).toContain('ada');
    await click(h.root, '#account button', 'Log out');
    expect(find(h.root, 'h1').textContent).toBe('Log in');
    expect(h.root.textContent).not.toContain('session ended');
  });

  it('is not needed everywhere: then nobody is named', async () => {
    const h = await showLive(<Door />);
    await h.app.session.check();
    await settle();
    expect(h.root.querySelector('#account')).toBeNull();
    expect(h.app.session.door.value).toBe('in');
  });
});

it('a dotm that lets anybody in says so on every page', async () => {
  const { app, root } = await showLive(<TopBar />);
  expect(root.querySelector('.insecure')).toBeNull();
  app.version.value = { version: '', go: '', revision: '', started: '', listen: '', loopback: false, insecure: true };
  await settle();
  expect(find(root, '.insecure').textContent).toBe('Insecure: no login, no encryption');
});

it.each([
  ['demo', 'demo, made-up data'],
  ['replay', 'replay, recorded data'],
  ['live', undefined],
] as const)('what is %s says on every page what it is, unless it is live', async (data, says) => {
  const { app, root } = await showLive(<TopBar />);
  app.version.value = { version: '', go: '', revision: '', started: '', listen: '', loopback: true, data };
  await settle();
  expect(root.querySelector('.origin')?.textContent).toBe(says);
});
