import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import type { Source } from '../api/types';
import { makeSource } from '../fixtures';
import { type Harness, type Reply, clear, click, find, json, settle, show, texts, type } from '../testing/app';
import { SourceSettings, optionsOf } from './Sources';

afterEach(clear);

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

async function settings(sources: readonly Source[], answer: (sent: Sent) => Response = () => json({})): Promise<{ h: Harness; sent: Sent[] }> {
  const sent: Sent[] = [];
  const reply: Reply = (method, path, body) => {
    if (!path.startsWith('sources')) return null;
    if (method === 'GET') return json({ sources });
    sent.push({ method, path, body: body ? JSON.parse(body) : null });
    return answer(sent.at(-1) as Sent);
  };
  const h = await show(<SourceSettings />, { reply });
  await act(() => void (h.app.session.role.value = 'admin'));
  await settle();
  return { h, sent };
}

const field = (h: Harness, name: string): HTMLElement => find(h.root, `#source-${name}`);

async function submit(h: Harness): Promise<void> {
  await act(() => void find(h.root, 'dialog form').dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
  await settle();
}

describe('the list of sources', () => {
  it('says how each is, what it is and what is wrong with it', async () => {
    const { h } = await settings([
      makeSource({ unmapped: 3 }),
      makeSource({ name: 'site', kind: 'nagios', program: 'Nagios', version: '4.4.6', state: 'failing', error: { reason: 'login', text: 'the user or password is wrong', hint: 'look into htpasswd.users' } }),
      makeSource({ name: 'new', state: 'new', last_read: '' }),
    ]);
    expect(find(h.root, '.source', 'icinga').textContent).toMatch(/read.*Icinga 2 r2\.13\.6-1: 12 hosts, 315 checks, read 10 s ago/);
    expect(find(h.root, '.source', 'icinga').textContent).toContain('3 checks of no node');
    expect(find(h.root, '.source', 'site').textContent).toMatch(/can’t be read.*since.*The user or password is wrong.*Look into htpasswd\.users/i);
    expect(find(h.root, '[aria-label="new"]').textContent).toMatch(/not read yet.*Icinga 2, never read so far/);
  });

  it('shows what is wrong as text', async () => {
    const { h } = await settings([makeSource({ state: 'failing', error: { text: 'the answer is <img src=x onerror=alert(1)>' } })]);
    expect(h.root.querySelector('img')).toBeNull();
    expect(h.root.textContent).toContain('<img src=x onerror=alert(1)>');
  });

  it('locks those of dotm.yaml', async () => {
    const { h } = await settings([makeSource({ fixed: true })]);
    expect(find(h.root, '.chip').textContent).toBe('set in dotm.yaml');
    expect(texts(h.root, '.source button')).toEqual(['Refresh now']);
  });

  it('lets those who may only look do nothing', async () => {
    const { h } = await settings([makeSource()]);
    await act(() => {
      h.app.session.role.value = 'viewer';
      h.app.session.door.value = 'in';
    });
    expect(texts(h.root, 'button')).toEqual([]);
  });

  it('has one read now, and says when that is refused', async () => {
    let refuse = false;
    const { h, sent } = await settings([makeSource()], () => (refuse ? json({ title: 'Not Found', status: 404, detail: 'no source is named icinga' }, 404) : new Response('', { status: 202 })));
    await click(h.root, 'button', 'Refresh now');
    expect(sent[0]).toMatchObject({ method: 'POST', path: 'sources/icinga/refresh' });
    expect(h.root.querySelector('.source .error')).toBeNull();
    refuse = true;
    await click(h.root, 'button', 'Refresh now');
    expect(find(h.root, '.source .error').textContent).toBe('No source is named icinga');
  });

  it('has all of several read now', async () => {
    const { h, sent } = await settings([makeSource(), makeSource({ name: 'site', kind: 'nagios' })], () => new Response('', { status: 202 }));
    await click(h.root, 'button', 'Refresh all now');
    expect(sent.map((s) => `${s.method} ${s.path}`)).toEqual(['POST sources/refresh']);
    clear();
    const { h: one } = await settings([makeSource(), makeSource({ name: 'scripts', kind: 'passive' })]);
    expect(texts(one.root, 'button').join()).not.toContain('Refresh all');
  });

  it('says why all could not be read', async () => {
    const { h } = await settings([makeSource(), makeSource({ name: 'site' })], () => json({ title: 'Service Unavailable', status: 503, detail: 'dotm ends' }, 503));
    await click(h.root, 'button', 'Refresh all now');
    expect(find(h.root, '.source-add .error').textContent).toBe('Dotm ends');
  });

  it('removes one after asking', async () => {
    const { h, sent } = await settings([makeSource()], () => new Response(null, { status: 204 }));
    await click(h.root, 'button', 'Remove');
    expect(find(h.root, 'dialog').textContent).toContain('its 315 checks leave the chart');
    await click(h.root, 'dialog button.strong', 'Remove');
    expect(sent).toEqual([{ method: 'DELETE', path: 'sources/icinga', body: null }]);
  });
});

describe('the form of a source', () => {
  it('adds one, with what people write as durations', async () => {
    const { h, sent } = await settings([]);
    await click(h.root, 'button', 'Add a source');
    await type(field(h, 'name'), 'site');
    await type(field(h, 'url'), ' https://nagios.example/nagios4 ');
    await type(field(h, 'user'), 'dotm');
    await type(field(h, 'password'), 's3cret ');
    await type(field(h, 'interval'), '1 minute');
    await submit(h);
    expect(sent).toEqual([{ method: 'POST', path: 'sources', body: { name: 'site', kind: '', url: 'https://nagios.example/nagios4', user: 'dotm', password: 's3cret ', interval: '1m' } }]);
    expect(h.root.querySelector('dialog')).toBeNull();
  });

  it('tells what a test found, and keeps nothing', async () => {
    const { h, sent } = await settings([], () => json({ kind: 'icinga2', program: 'Icinga 2', version: 'r2.13', hosts: 2, checks: 14, unmapped: 1, took_ms: 83, notes: [{ code: 'rights', text: 'it sees 2 of 9 hosts', hint: 'give it more rights' }] }));
    await click(h.root, 'button', 'Add a source');
    await type(field(h, 'url'), 'https://icinga.example:5665');
    await click(h.root, 'dialog button', 'Test');
    expect(sent[0]?.path).toBe('sources/test');
    expect(find(h.root, '.found-test').textContent).toMatch(/It answers within 83 ms\.Icinga 2 r2\.13: 2 hosts, 14 checks, 1 of no node.*It sees 2 of 9 hosts/);
    await type(field(h, 'url'), 'https://other.example');
    expect(h.root.querySelector('.found-test')).toBeNull();
  });

  it('says what is wrong at its field, in a sentence', async () => {
    const { h } = await settings([], () =>
      json({ title: 'Unprocessable Entity', status: 422, detail: 'nobody listens at 127.0.0.1:1: does it run?', errors: [{ message: 'connection', location: 'body.url' }, { message: 'must be from 1s to 1h0m0s', location: 'body.interval', value: '2h' }] }, 422),
    );
    await click(h.root, 'button', 'Add a source');
    await type(field(h, 'name'), 'site');
    await type(field(h, 'url'), 'https://127.0.0.1:1');
    await submit(h);
    expect(find(h.root, '#source-url-said').textContent).toBe('Nobody listens at 127.0.0.1:1: does it run?');
    expect(field(h, 'url').getAttribute('aria-invalid')).toBe('true');
    expect(find(h.root, '#source-interval-said').textContent).toBe('Must be from 1s to 1h0m0s, is 2h');
  });

  it('changes one under its name, and keeps its password', async () => {
    const { h, sent } = await settings([makeSource({ tls: { ca_file: '/etc/ca.pem' }, link: 'https://icinga.example/icingaweb2' })]);
    await click(h.root, 'button', 'Edit');
    expect((field(h, 'name') as HTMLInputElement).disabled).toBe(true);
    expect((field(h, 'password') as HTMLInputElement).value).toBe('');
    expect(find(h.root, '#source-password-said').textContent).toBe('Empty keeps the one that is known.');
    expect(find(h.root, 'dialog details').hasAttribute('open')).toBe(true);
    await submit(h);
    expect(sent).toEqual([
      { method: 'PUT', path: 'sources/icinga', body: { name: 'icinga', kind: 'icinga2', url: 'https://icinga.example:5665', user: 'dotm', interval: '10s', tls: { ca_file: '/etc/ca.pem' }, link: 'https://icinga.example/icingaweb2' } },
    ]);
  });

  it('asks a passive one for nothing but its name', () => {
    const draft = { name: ' cron ', kind: 'passive', url: 'left over', user: '', password: '', interval: '10s', link: '', ca_file: '', server_name: '', skip_verify: false, acknowledge: false } as const;
    expect(optionsOf(draft)).toEqual({ name: 'cron', kind: 'passive', url: '' });
  });
});
