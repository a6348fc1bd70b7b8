import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import { useApp } from '../app';
import type { Check, Source } from '../api/types';
import { makeAlertSite, makeCheck, makeChecks, makeSource } from '../fixtures';
import { CheckSection, CheckTable, OpenAlerts } from '../parts/Checks';
import { CheckSheet } from '../parts/CheckSheet';
import { Monitoring } from '../parts/Monitoring';
import { TopBar } from '../parts/TopBar';
import { type Harness, type Reply, clear, click, find, json, press, settle, showLive, texts, type } from '../testing/app';
import { ChecksView } from './Checks';

afterEach(clear);

/** As on every page: the check that the link names. */
function Sheet() {
  const { route } = useApp();
  return route.value.check ? <CheckSheet /> : null;
}

/** A server that monitoring is read by. */
function monitored(checks: readonly Check[] = makeChecks(), sources: readonly Source[] = [makeSource()], more: Reply = () => null): Reply {
  return (method, path, body) => {
    const other = more(method, path, body);
    if (other) return other;
    if (path === 'sources') return json({ sources });
    if (!path.startsWith('checks')) return null;
    const asked = new URLSearchParams(path.split('?')[1]);
    const open = (c: Check): boolean => c.status !== 'OK' && c.hard && !c.acknowledged && !c.downtime && !c.flapping && !c.stale;
    const of = checks.filter((c) => (!asked.has('id') || c.id === asked.get('id')) && (!asked.has('open') || open(c)) && (!asked.has('node') || c.node === asked.get('node')) && (!asked.has('service') || c.service === asked.get('service')));
    return json({ at: '2026-11-23T05:30:00Z', checks: of });
  };
}

async function page(what: preact.ComponentChild, reply: Reply = monitored(), hash = '#/checks'): Promise<Harness> {
  const h = await showLive(
    <>
      <Monitoring />
      {what}
      <Sheet />
    </>,
    { doc: makeAlertSite(), hash, reply },
  );
  await settle();
  return h;
}

describe('the list of checks', () => {
  it('has the worst first, with what it says, and whose it is', async () => {
    const { root } = await page(<ChecksView />);
    expect(texts(root, 'tbody td.strong')).toEqual(['host', 'replication', 'memory', 'old', 'disk', 'ntp', 'updates', 'load', 'fine']);
    expect(find(root, '.headline').textContent).toContain('9 checks, 1 of them fine, from 1 source');
    expect(find(root, 'tbody tr', 'replication').textContent).toMatch(/db01.*postgres :5432.*lag 40 s.*port.*icinga.*6 min ago/);
    expect(find(root, 'tbody tr', 'legacy01').textContent).toContain('no node');
  });

  it('shows what comes from outside as text', async () => {
    const { root } = await page(<ChecksView />);
    expect(root.querySelector('img')).toBeNull();
    expect(find(root, 'tbody tr', 'replication').textContent).toContain('<img src=x onerror=alert(1)>');
    await click(root, 'tbody tr', 'replication');
    expect(document.querySelector('img')).toBeNull();
  });

  it('is narrowed by chips and words, in the link', async () => {
    const h = await page(<ChecksView />);
    await click(h.root, '.chips button', 'Taken care of');
    expect(h.hash()).toBe('#/checks?show=handled');
    expect(texts(h.root, 'tbody td.strong')).toEqual(['disk', 'ntp', 'updates', 'load']);
    expect(find(h.root, '.found').textContent).toBe('4 of 9 checks');
    await type(find(h.root, '.find'), 'nothing such');
    expect(find(h.root, '.nothing').textContent).toBe('Nothing matches “nothing such”.');
    await click(h.root, 'button', 'Clear the filter');
    expect(texts(h.root, 'tbody tr')).toHaveLength(9);
  });

  it('has a shape of its own for each way to be', async () => {
    const { root } = await page(<ChecksView />);
    const shape = (name: string): string => find(root, 'tbody tr', name).querySelector('svg')?.getAttribute('aria-label') ?? '';
    expect([shape('legacy01'), shape('memory'), shape('disk'), shape('updates'), shape('old'), shape('fine')]).toEqual([
      'DOWN', 'WARNING', 'CRITICAL, taken care of', 'in downtime', 'CRITICAL when it was last checked', 'OK',
    ]);
    expect(find(root, 'tbody tr', 'ntp').querySelector('.soft')).not.toBeNull();
    expect(find(root, 'tbody tr', 'load').querySelector('.flapping')).not.toBeNull();
  });

  it('says what to do where nothing is read yet, and where there is nothing', async () => {
    expect(find((await page(<ChecksView />, monitored([], []))).root, '.problem').textContent).toContain('Add a source in the settings');
    clear();
    expect(find((await page(<ChecksView />, monitored([]))).root, '.nothing').textContent).toBe('The sources tell of no check.');
  });
});

describe('a check in full', () => {
  it('says since when, why it is there, and leads on', async () => {
    const h = await page(<ChecksView />);
    await click(h.root, 'tbody tr', 'replication');
    const dialog = find(h.root, 'dialog');
    expect(find(dialog, '.verdict').textContent).toMatch(/^ ?CRITICAL since .*\(6 min\)/);
    expect(dialog.textContent).toContain('The arguments name port 5432. port');
    expect(h.hash()).toBe('#/checks/replication');
    expect(dialog.textContent).toContain('icinga, as db01.example / replication');
    expect(dialog.textContent).toContain('every 10 s');
    const link = find(dialog, 'a.button');
    expect(link.getAttribute('href')).toMatch(/^https:\/\/icinga\.example\//);
    expect(link.getAttribute('rel')).toBe('noopener noreferrer');
    expect(find(dialog, '.facts a').getAttribute('href')).toBe('#/chart?service=db01~tcp~5432');
  });

  it('has no link that a browser should not follow', async () => {
    const h = await page(<ChecksView />);
    await click(h.root, 'tbody tr', 'legacy01');
    expect(h.root.querySelector('dialog a.button')).toBeNull();
    expect(find(h.root, 'dialog').textContent).toContain('No node is known as legacy01. none');
  });

  it('names the services that it could be about', async () => {
    const ambiguous = makeCheck({ status: 'WARNING', service: '', mapping: { rule: 'name', evidence: 'several services fit', ambiguous: true, candidates: ['db01~tcp~5432', 'db01~tcp~6432'] } });
    const h = await page(<ChecksView />, monitored([ambiguous]));
    await click(h.root, 'tbody tr');
    expect(find(h.root, 'dialog').textContent).toContain('It could be about postgres :5432, pgbouncer :6432.');
  });

  it('has a link of its own, and says when there is no such check', async () => {
    const h = await page(<ChecksView />, monitored(), '#/checks/replication');
    expect(find(h.root, 'dialog h2').textContent).toBe('db01 replication');
    await click(h.root, 'dialog [aria-label="Close"]');
    expect(h.hash()).toBe('#/checks');
    await h.go('#/checks/gone');
    expect(find(h.root, 'dialog').textContent).toContain('There is no such check');
    await h.go('#/checks/gone?at=2026-11-23T05:00:00Z');
    expect(find(h.root, 'dialog').textContent).toContain('There was none at this moment.');
  });

  it('says so when it can’t be read', async () => {
    const h = await page(<ChecksView />, monitored(makeChecks(), [makeSource()], (_, path) => (path.includes('id=') ? json({ title: 'Service Unavailable', status: 503, detail: 'dotm ends' }, 503) : null)), '#/checks/replication');
    expect(find(h.root, 'dialog').textContent).toMatch(/This check can’t be read.*dotm ends/);
  });

  it('says what is not known of its times, and of one that is fine nothing more', async () => {
    const bare = makeCheck({ status: 'WARNING', output: '' });
    delete bare.last_check;
    delete bare.last_ok;
    delete bare.interval;
    const h = await page(<ChecksView />, monitored([bare]), `#/checks/${bare.id}`);
    expect(texts(h.root, 'dialog dd')).toContain('not known');
    expect(find(h.root, 'dialog').textContent).toContain('It says nothing.');
    clear();
    const fine = await page(<ChecksView />, monitored([makeCheck()]), `#/checks/${makeCheck().id}`);
    expect(texts(fine.root, 'dialog dt')).not.toContain('Last fine');
  });

  it('has names of any length and kind as text', async () => {
    const name = `${'x'.repeat(60)} <b>"'/\\&\uFFFD`;
    const odd = makeCheck({ id: 'odd', status: 'DOWN', host: '<script>alert(1)</script>/a"b', name, output: '</pre><img src=x>', groups: ['<i>g</i>'] });
    const h = await page(<ChecksView />, monitored([odd]), '#/checks/odd');
    expect(h.root.querySelector('script, img, b b, i')).toBeNull();
    expect(find(h.root, 'dialog').textContent).toContain('icinga, as <script>alert(1)</script>/a"b / ' + name);
    expect(find(h.root, 'td.strong').textContent).toBe(name);
  });

  it.each([
    ['acknowledges in Icinga 2 at icinga.example', 'Acknowledge in icinga', 'Acknowledges in Icinga 2 at icinga.example.'],
    ['silences the alert in Alertmanager for 2 hours', 'Silence in icinga', 'Silences the alert in Alertmanager for 2 hours.'],
  ])('is acknowledged by an admin where the source can: %s', async (acknowledges, button, sentence) => {
    const sent: string[] = [];
    const reply = monitored(makeChecks(), [makeSource({ acknowledges })], (method, path, body) => {
      if (method !== 'POST') return null;
      sent.push(`${path} ${body}`);
      return json({ did: 'acknowledged until its state changes' });
    });
    const h = await page(<ChecksView />, reply);
    await act(() => void (h.app.session.role.value = 'admin'));
    await click(h.root, 'tbody tr', 'replication');
    await click(h.root, 'dialog button', `${button}…`);
    expect(find(h.root, '.acknowledge').textContent).toContain(sentence);
    expect(find(h.root, '.acknowledge button').textContent).toBe(button);
    await type(find(h.root, '.acknowledge input'), 'on it');
    await act(() => void find(h.root, '.acknowledge').dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
    await settle();
    expect(sent).toEqual(['checks/replication/acknowledge {"comment":"on it"}']);
    expect(find(h.root, 'dialog [role="status"]').textContent).toBe('Acknowledged until its state changes. It shows here as soon as icinga tells so.');
  });

  it('says why acknowledging was refused, and keeps what was written', async () => {
    const reply = monitored(makeChecks(), [makeSource({ acknowledges: 'acknowledges it' })], (method) => (method === 'POST' ? json({ title: 'Conflict', status: 409, detail: 'the login may not acknowledge' }, 409) : null));
    const h = await page(<ChecksView />, reply, '#/checks/replication');
    await act(() => void (h.app.session.role.value = 'admin'));
    await click(h.root, 'dialog button', 'Acknowledge in icinga');
    await type(find(h.root, '.acknowledge input'), 'on it');
    await act(() => void find(h.root, '.acknowledge').dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
    await settle();
    expect(find(h.root, '.acknowledge .error').textContent).toBe('The login may not acknowledge');
    expect((find(h.root, '.acknowledge input') as HTMLInputElement).value).toBe('on it');
  });

  it.each([
    ['where the source can’t', 'replication', 'admin', makeSource()],
    ['by those who may only look', 'replication', 'viewer', makeSource({ acknowledges: 'acknowledges it' })],
    ['when it was', 'disk', 'admin', makeSource({ acknowledges: 'acknowledges it' })],
    ['while it is fine', 'fine', 'admin', makeSource({ acknowledges: 'acknowledges it' })],
    ['when nobody tells it any more', 'old', 'admin', makeSource({ acknowledges: 'acknowledges it' })],
  ] as const)('is not acknowledged %s', async (_, id, role, source) => {
    const h = await page(<ChecksView />, monitored(makeChecks(), [source]), `#/checks/${id}`);
    await act(() => {
      h.app.session.role.value = role;
      h.app.session.door.value = 'in';
    });
    expect(find(h.root, 'dialog h2').textContent).toContain(id);
    expect(texts(h.root, 'dialog button').join()).not.toContain('Acknowledge');
  });
});

describe('the checks of a thing', () => {
  it('are listed, what is fine on request', async () => {
    const h = await page(<CheckSection of={{ node: 'db01' }} />, monitored(), '#/chart?node=db01');
    expect(h.asked).toContain('GET checks?node=db01');
    expect(texts(h.root, '.check-head b')).toEqual(['replication', 'memory', 'old', 'disk', 'ntp', 'updates', 'load']);
    await click(h.root, 'button', 'and 1 more');
    expect(texts(h.root, '.check-head b')).toContain('fine');
    expect(texts(find(h.root, '.check', 'disk'), '.chip')).toEqual(['acknowledged']);
    await click(h.root, '.check', 'disk');
    expect(find(h.root, 'dialog').textContent).toContain('db01 as a whole');
  });

  it('of a service are asked for by its id', async () => {
    const h = await page(<CheckSection of={{ service: 'db01~tcp~5432' }} />, monitored(), '#/chart');
    expect(h.asked).toContain('GET checks?service=db01~tcp~5432');
    expect(texts(h.root, '.check-head b')).toEqual(['replication', 'memory', 'old']);
  });

  it('are none, and it is said so only where monitoring is read', async () => {
    expect(find((await page(<CheckSection of={{ node: 'web02' }} />)).root, '.checks').textContent).toContain('No check is about this node.');
    clear();
    expect((await page(<CheckSection of={{ node: 'web02' }} />, monitored([], []))).root.querySelector('.checks')).toBeNull();
  });

  it('are a table on the page of the node', async () => {
    const { root } = await page(<CheckTable node="db01" />);
    expect(find(root, 'table').getAttribute('aria-label')).toBe('Checks of db01');
    expect(texts(root, 'th')).not.toContain('Source');
    find(root, 'tbody tr[tabindex="0"]').focus();
    await press('Enter');
    expect(find(root, 'dialog').textContent).toContain('db01 replication');
  });
});

describe('the top of the page', () => {
  it('counts what is open, the worst first, and leads there', async () => {
    const { root } = await page(<TopBar />);
    const counters = find(root, '.alerts');
    expect([...counters.querySelectorAll('svg')].map((s) => s.getAttribute('aria-label'))).toEqual(['DOWN', 'CRITICAL', 'WARNING']);
    expect(counters.textContent.replace(/\D+/g, ' ').trim()).toBe('1 1 1');
    expect(counters.getAttribute('href')).toBe('#/checks?show=open');
  });

  it('is quiet where nothing is open, and silent where nothing is read', async () => {
    expect(find((await page(<TopBar />, monitored([makeCheck()]))).root, '.alerts').textContent).toMatch(/^ ?no alert$/);
    clear();
    expect((await page(<TopBar />, monitored([], []))).root.querySelector('.alerts')).toBeNull();
  });

  it('says which sources can’t be read, and that the rest is partial', async () => {
    const bad = makeSource({ name: 'site', state: 'failing', error: { text: 'nobody listens at 10.0.0.9:443', hint: 'does it run?' } });
    const { root } = await page(<TopBar />, monitored([], [bad, makeSource()]));
    expect(find(root, '.banner.sources').textContent).toContain('Monitoring can’t be read from site. Nobody listens at 10.0.0.9:443. The other one can be.');
    expect(find(root, '.alerts').textContent).toBe('partial: 1 of 2 sources');
    expect(find(root, '.alerts').textContent).not.toContain('no alert');
  });

  it('says of the past what was open then', async () => {
    const h = await page(<OpenAlerts />, monitored(), '#/chart?at=2026-11-23T05:00:00Z');
    expect(texts(h.root, '.check-head b')).toEqual(['host legacy01', 'db01 replication', 'db01 memory']);
  });
});
