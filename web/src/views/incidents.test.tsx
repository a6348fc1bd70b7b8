import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Incident, IncidentSummary } from '../api/types';
import { DB, INCIDENT, alert, at, summary } from '../fixtures/incident';
import { IncidentWatch } from '../parts/IncidentWatch';
import { OpenIncidents } from '../parts/OpenIncidents';
import { type Harness, type Reply, clear, click, find, json, press, settle, show, showLive, texts, type } from '../testing/app';
import { IncidentsView } from './Incidents';

afterEach(clear);

interface Server {
  open?: IncidentSummary[];
  resolved?: IncidentSummary[];
  card?: Incident;
  /** What an acknowledgement is answered. */
  acknowledged?: () => Response;
}

/** A page over these incidents, and what was sent to the server. */
async function incidents({ open = [summary()], resolved = [], card = INCIDENT, acknowledged = () => json({ incident: card, checks: [] }) }: Server = {}, hash = '#/incidents'): Promise<Harness & { sent: unknown[] }> {
  const sent: unknown[] = [];
  const reply: Reply = (method, path, body) => {
    if (method === 'PATCH') {
      sent.push(JSON.parse(body));
      return acknowledged();
    }
    if (path.startsWith('incidents?')) return json({ incidents: path.includes('state=resolved') ? resolved : open });
    return path.startsWith('incidents/') ? json(card) : null;
  };
  const h = await show(
    <>
      <IncidentWatch />
      <OpenIncidents />
      <IncidentsView />
    </>,
    { hash, reply },
  );
  h.now(at('20:00'));
  await settle();
  return { ...h, sent };
}

const card = (h: Harness): HTMLElement => find(h.root, 'article.incident');

describe('the list of incidents', () => {
  it('has the worst first, what somebody takes care of last, and the worst one’s card', async () => {
    const h = await incidents({
      open: [summary({ id: 'a', title: 'Handled', acknowledged: { by: 'op', at: at('15:00') } }), summary({ id: 'b', title: 'Slow', status: 'WARNING' }), summary({ id: 'k3j2' })],
    });
    expect(texts(h.root, '.incident-list .incident-title')).toEqual(['Disk full on db01', 'Slow', 'Handled']);
    expect(find(h.root, '.incident-list [aria-current]').textContent).toContain('Disk full on db01');
    expect(card(h).getAttribute('aria-label')).toBe('Disk full on db01');
    expect(texts(h.root, '.incident-list .incident-line')[2]).toBe('acknowledged, 4 checks, 1 more likely next');
  });

  it('has what is over below, the latest first, without what became part of another', async () => {
    const over = (id: string, title: string, resolved: string, more: Partial<IncidentSummary> = {}): IncidentSummary => summary({ id, title, state: 'resolved', resolved: at(resolved), ...more });
    const h = await incidents({ resolved: [over('r1', 'Earlier', '15:00'), over('r2', 'Later', '16:00'), over('r3', 'Joined', '17:00', { into: 'r2' })] });
    expect(texts(h.root, '.incident-list h2')).toEqual(['Open', 'Resolved, last 7 days']);
    expect(texts(h.root, '.incident-list .incident-title')).toEqual(['Disk full on db01', 'Later', 'Earlier']);
    await h.go('#/incidents/r1');
    expect(h.asked).toContain('GET incidents/r1');
  });

  it('says that all is quiet, and of what that was judged', async () => {
    const h = await incidents({ open: [] });
    expect(find(h.root, '.all-quiet').textContent).toBe('All quiet, as far as the sockets tell: no monitoring system is read.');
    expect(find(h.root, '.nothing').textContent).toContain('No incident ended in the last 7 days.');
    expect(h.root.querySelector('article, .open-incidents')).toBeNull();
  });

  it('says why a card cannot be read, and reads it again', async () => {
    let away = true;
    const h = await show(<IncidentsView />, {
      hash: '#/incidents/k3j2',
      reply: (_, path) => {
        if (path.startsWith('incidents?')) return json({ incidents: [] });
        if (path !== 'incidents/k3j2') return null;
        return away ? json({ title: 'not found', status: 404, detail: 'no incident k3j2' }, 404) : json(INCIDENT);
      },
    });
    expect(find(h.root, '.incident-page').textContent).toContain('no incident k3j2');
    away = false;
    await click(h.root, '.incident-page button');
    expect(card(h).textContent).toContain(INCIDENT.sentence);
  });
});

describe('the card', () => {
  it('tells in this order what happened, why, what follows and what is not known', async () => {
    const h = await incidents();
    expect(texts(card(h), 'h1')).toEqual(['CRITICAL Disk full on db01']);
    expect(texts(card(h), 'h3')).toEqual(['Likely causes', 'Order in time', 'Predicted', 'Spared', 'Confirmed', 'Not visible', 'Changed before', 'Timeline']);
    expect(find(card(h), '.lead').textContent).toBe(INCIDENT.sentence);
    expect(texts(card(h), '.causes .strength')).toEqual(['strong', 'weak']);
    expect(texts(card(h), '.causes li.first .chip')).toEqual(['first of 4', '3 of 3 paths']);
    expect(texts(card(h), '.confirmed .confirmed-name')).toEqual(['db01 postgres:5432 2 checks', 'app01 puma:9292', 'web01 nginx:8080']);
    expect(texts(card(h), '.entries li')[1]).toContain('http on app01 is CRITICAL');
  });

  it('draws the path from the client to the cause, each box with its state', async () => {
    const h = await incidents();
    expect(texts(card(h), '.path-box b')).toEqual(['lb01', 'web01', 'app01', 'db01']);
    expect(texts(card(h), '.path .needs')).toEqual(['calls', 'calls', 'calls']);
    expect(texts(card(h), '.step.cause b')).toEqual(['db01']);
    expect(find(card(h), '.path li').textContent).toContain('no alert of its own');
  });

  it('speaks of possible causes where it is unclear: none stands out, and no path is drawn', async () => {
    const h = await incidents({ card: { ...INCIDENT, unclear: true, unsure: 'Two causes explain it as well.' } });
    expect(texts(card(h), 'h3')[0]).toBe('Possible causes');
    expect(find(card(h), '.causes').textContent).toContain('Two causes explain it as well.');
    expect(card(h).querySelector('.causes .first, .path')).toBeNull();
  });

  it('says so when nothing tells what is behind it', async () => {
    const h = await incidents({ card: { ...INCIDENT, causes: [] } });
    expect(find(card(h), '.causes').textContent).toContain('Nothing tells what is behind it.');
    expect(texts(card(h), '.buttons a')).toEqual(['Show on chart']);
  });

  it('of one that is over, says how long it took, and predicts nothing', async () => {
    const h = await incidents({ card: { ...INCIDENT, state: 'resolved', resolved: at('22:08'), impact: { predicted: null, possible: null, spared: null } } });
    expect(find(card(h), '.incident-head').textContent).toMatch(/Resolved, since .*it took 10 min, 4 checks, 1 signal/);
    expect(texts(card(h), 'h3')).not.toContain('Predicted');
    expect(card(h).querySelector('[data-ack]')).toBeNull();
  });

  it('shows what came from the network as text', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const about = { ...DB, name: evil };
    const h = await incidents({
      open: [summary({ title: evil, sentence: evil })],
      card: { ...INCIDENT, title: evil, sentence: evil, alerts: [alert(about, evil, 'CRITICAL', '12:00', '12:08', { output: evil })], causes: [{ ...about, strength: 'weak', score: 1, sentence: evil, chips: [evil], explains: 1, path: null }], not_visible: [about], timeline: [{ at: at('12:09'), kind: 'opened', text: evil }] },
    });
    expect(h.root.querySelector('img')).toBeNull();
    for (const place of ['h1', '.lead', '.cause-head', '.chip', '.quote', '.entries']) expect(find(card(h), place, evil).textContent).toContain(evil);
  });
});

describe('an acknowledgement', () => {
  const submit = async (h: Harness): Promise<void> => {
    await act(() => (find(h.root, 'form.acknowledge') as HTMLFormElement).requestSubmit());
    await settle();
  };

  it('asks for a comment, is sent with it, and reads the card anew', async () => {
    const h = await incidents();
    await click(card(h), '[data-ack]', 'Acknowledge here only');
    await type(find(h.root, '[aria-label="Comment"]'), 'on it');
    const before = h.asked.filter((a) => a === 'GET incidents/k3j2').length;
    await submit(h);
    expect(h.sent).toEqual([{ acknowledge: true, comment: 'on it', checks: false }]);
    expect(h.asked.filter((a) => a === 'GET incidents/k3j2').length).toBe(before + 1);
    expect(h.root.querySelector('form.acknowledge')).toBeNull();
  });

  it('gives the focus back when it is called off by Escape', async () => {
    const h = await incidents();
    await click(card(h), '[data-ack]');
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Comment');
    await press('Escape');
    expect(h.root.querySelector('form.acknowledge')).toBeNull();
    expect(document.activeElement?.hasAttribute('data-ack')).toBe(true);
  });

  it('goes nowhere when it is cancelled', async () => {
    const h = await incidents();
    await click(card(h), '[data-ack]');
    await click(h.root, 'form.acknowledge button', 'Cancel');
    expect(h.root.querySelector('form.acknowledge')).toBeNull();
    expect(h.sent).toEqual([]);
  });

  it('says which checks were refused, and why', async () => {
    const h = await incidents({ acknowledged: () => json({ incident: INCIDENT, checks: [{ source: 'icinga', host: 'db01', name: 'disk', error: 'icinga: no permission' }] }) });
    await click(card(h), '[data-ack]');
    await submit(h);
    expect(find(h.root, '.incident-head').textContent).toContain('1 check was not acknowledged: icinga: no permission');
  });

  it('is shown with who, and cannot be made twice', async () => {
    const h = await incidents({ card: { ...INCIDENT, acknowledged: { by: 'op', at: at('15:00'), comment: 'on it' } } });
    expect(find(card(h), '.incident-head').textContent).toMatch(/Op takes care of it, since .*: “on it”/);
    expect(card(h).querySelector('[data-ack]')).toBeNull();
  });
});

describe('beside the chart', () => {
  it('one incident is a card with its likely cause', async () => {
    const h = await incidents({ open: [summary({ cause: DB, strength: 'strong' })] });
    expect(find(h.root, '.open-incidents').textContent).toContain('Likely cause: db01 postgres:5432 (strong)');
  });

  it('an unclear one names no cause', async () => {
    const h = await incidents({ open: [summary({ cause: DB, strength: 'weak', unclear: true })] });
    expect(find(h.root, '.open-incidents').textContent).not.toContain('Likely cause');
  });

  it('of many, five are listed and the rest counted', async () => {
    const h = await incidents({ open: Array.from({ length: 7 }, (_, i) => summary({ id: `i${i}` })) });
    expect(texts(h.root, '.incident-brief')).toHaveLength(5);
    expect(find(h.root, '.open-incidents').textContent).toContain('and 2 more');
  });
});

describe('a new incident', () => {
  it('is said once, those that were open before are not', async () => {
    const open = [summary({ id: 'old' })];
    const h = await incidents({ open });
    const said: string[] = [];
    h.app.speaker.say = (lines) => void said.push(...lines);
    open.push(summary({ id: 'new', title: 'Queue of mq01' }));
    const reads = (): number => h.asked.filter((a) => a.startsWith('GET incidents?') && a.includes('open')).length;
    // Without a line it is read again with the clock, at most once a second.
    const again = async (clock: string): Promise<void> => {
      const before = reads();
      h.now(at(clock));
      await vi.waitFor(() => expect(reads()).toBeGreaterThan(before), 3_000);
      await settle();
    };
    await again('21:00');
    await again('22:00');
    expect(said).toEqual(['Incident: Queue of mq01. 2 open']);
  });

  it('is read when the stream tells of it, and not before', async () => {
    const h = await showLive(<IncidentWatch />, { reply: (_, path) => (path.startsWith('incidents?') ? json({ incidents: [summary()] }) : null) });
    const reads = (): number => h.asked.filter((a) => a.startsWith('GET incidents?')).length;
    const before = reads();
    h.now(at('21:00'));
    h.now(at('23:00'));
    await settle();
    expect(reads()).toBe(before);
    h.sources.at(-1)?.send('incidents', { incidents: [{ id: 'k3j2', state: 'open', what: 'opened', status: 'CRITICAL', title: 'x' }] });
    await vi.waitFor(() => expect(reads()).toBe(before + 1), 3_000);
  });
});
