import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Finding, Source } from '../api/types';
import { FINDINGS, makeAlertSite, makeSource } from '../fixtures';
import { Monitoring } from '../parts/Monitoring';
import { type Harness, type Reply, clear, click, find, json, settle, showLive, texts } from '../testing/app';
import { ReportView } from './Report';

afterEach(clear);

async function report(findings: readonly Finding[] | null = FINDINGS, sources: readonly Source[] = [makeSource()], more: Reply = () => null, hash = '#/report'): Promise<Harness> {
  const reply: Reply = (method, path, body) => more(method, path, body) ?? (path.startsWith('report') ? json({ findings }) : path === 'sources' ? json({ sources }) : null);
  const h = await showLive(<><Monitoring /><ReportView /></>, { doc: makeAlertSite(), hash, reply });
  await settle();
  return h;
}

const text = (body: string): Response => new Response(body, { headers: { 'content-type': 'text/plain' } });

describe('the report', () => {
  it('has the worst first, each kind with what to do', async () => {
    const { root } = await report();
    expect(find(root, '.headline').textContent).toContain('6 findings of five kinds');
    expect(texts(root, '.found-head')).toEqual([
      'Monitoring that can’t be read 1', 'Nodes without monitoring 2', 'Services without a check 1', 'Monitored hosts that are no node 1', 'Services that nobody seems to use 1',
    ]);
    expect(find(root, '.found-group', 'Monitored hosts').textContent).toContain('Run an agent there, or say in the settings which node it is');
    expect(find(root, '.found-group', 'Services that nobody').textContent).toContain('No use of puma :9292 was seen in 41 days');
  });

  it('leads to the node, service, source or host that it is about', async () => {
    const { root } = await report();
    const links = [...root.querySelectorAll('.found-about a')].map((a) => a.getAttribute('href'));
    expect(links).toEqual(['#/settings', '#/nodes/web02', '#/nodes/web03', '#/chart?service=app02~tcp~9292', '#/checks?find=legacy01', '#/chart?service=app01~tcp~9292']);
    expect(find(root, '.found-text a').getAttribute('href')).toBe('#/mapping?by=none&find=legacy01');
  });

  it('shows the first of many, and the rest on request', async () => {
    const many = Array.from({ length: 12 }, (_, i): Finding => ({ code: 'unmonitored-node', node: `n${i}`, text: 'no check is on it' }));
    const { root } = await report(many);
    expect(texts(root, '.found-list li')).toHaveLength(8);
    await click(root, 'button', 'and 4 more');
    expect(texts(root, '.found-list li')).toHaveLength(12);
    expect(root.querySelector('.found-about a')).toBeNull(); // no such node is on the chart
  });

  it('says that nothing is odd only as far as is known', async () => {
    expect(find((await report([])).root, '.nothing').textContent).toBe('Nothing is odd, as far as 20 nodes tell, and all that runs is monitored by 1 source.');
    clear();
    const { root } = await report(null, []);
    expect(find(root, '.nothing').textContent).toBe('Nothing is odd, as far as 20 nodes tell.');
    expect(root.textContent).toContain('No monitoring system is read, so that nothing can be said of what is not monitored.');
    expect(root.querySelector('.definitions')).toBeNull();
  });

  it('of the past says what it does not know', async () => {
    const h = await report(FINDINGS, [makeSource()], () => null, '#/report?at=2026-11-23T05:00:00Z');
    expect(h.root.textContent).toContain('is known of now only');
    expect(h.root.querySelector('.definitions')).toBeNull();
  });

  it('says why it can’t be read', async () => {
    const { root } = await report([], [makeSource()], (_, path) => (path === 'report' ? json({ title: 'Service Unavailable', status: 503, detail: 'no leader' }, 503) : null));
    expect(find(root, '.problem').textContent).toContain('no leader');
    expect(root.querySelector('.nothing')).toBeNull();
  });

  it('shows what comes from outside as text', async () => {
    const { root } = await report([{ code: 'source-note', node: '<img src=x>', text: '<b>x</b>', hint: '<i>y</i>' }]);
    expect(root.querySelector('img, .found-list b, i')).toBeNull();
    expect(find(root, '.found-list').textContent).toContain('<img src=x><b>x</b><i>y</i>');
  });
});

describe('definitions', () => {
  const define: Reply = (_, path) => (path.startsWith('report/definitions/') ? text(path.includes('nagios') ? 'define host { <b> }' : '') : null);

  it('are shown on request, copied and downloaded', async () => {
    const written: string[] = [];
    vi.stubGlobal('navigator', { clipboard: { writeText: (t: string) => Promise.resolve(void written.push(t)) } });
    const h = await report(FINDINGS, [makeSource()], define);
    expect(h.asked.some((a) => a.includes('definitions'))).toBe(false);
    await click(h.root, '.definitions button', 'Nagios');
    expect(find(h.root, '#definitions-text').textContent).toBe('define host { <b> }');
    await click(h.root, '.definitions button', 'Copy');
    expect(written).toEqual(['define host { <b> }']);
    expect(texts(h.root, '.definitions button')).toContain('Copied');
    const link = find(h.root, '.definitions a');
    expect([link.getAttribute('href'), link.getAttribute('download')]).toEqual(['api/v1/report/definitions/nagios', 'dotm.cfg']);
  });

  it('may be none', async () => {
    const h = await report(FINDINGS, [makeSource()], define);
    await click(h.root, '.definitions button', 'Icinga 2');
    expect(find(h.root, '.definitions .nothing').textContent).toBe('There is nothing to define: all that runs is monitored.');
    expect(h.root.querySelector('.definitions a')).toBeNull();
  });

  it('are of what one of several sources does not monitor', async () => {
    const h = await report(FINDINGS, [makeSource(), makeSource({ name: 'site' })], define);
    await click(h.root, '.definitions button', 'Nagios');
    const choice = find(h.root, '.definitions select') as HTMLSelectElement;
    await act(() => {
      choice.value = 'site';
      choice.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await settle();
    expect(h.asked).toContain('GET report/definitions/nagios?source=site');
    expect(find(h.root, '.definitions a').getAttribute('href')).toBe('api/v1/report/definitions/nagios?source=site');
  });

  it('that are refused say why', async () => {
    const h = await report(FINDINGS, [makeSource()], (_, path) => (path.includes('definitions') ? json({ title: 'Unprocessable Entity', status: 422, detail: 'too many' }, 422) : null));
    await click(h.root, '.definitions button', 'Nagios');
    expect(find(h.root, '.definitions .problem').textContent).toContain('too many');
  });
});
