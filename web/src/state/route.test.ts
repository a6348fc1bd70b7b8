import { describe, expect, it } from 'vitest';
import { DEFAULT_HIDE, HOME, type Route, ask, formatRoute, goTo, parseRoute, showList, showNode, showOnChart, showPath } from './route';

describe('routes', () => {
  it.each<[string, Partial<Route>]>([
    ['', {}],
    ['#/', {}],
    ['#/chart', {}],
    ['#/nowhere', { view: 'unknown', path: 'nowhere' }],
    ['#/settings/all?hide=none', { view: 'unknown', path: 'settings/all', hide: [] }],
    ['#/services', { view: 'services' }],
    ['#/nodes', { view: 'nodes' }],
    ['#/nodes/web%2F01', { view: 'node', node: 'web/01' }],
    ['#/nodes/%E0%A4%A', { view: 'node', node: '%E0%A4%A' }],
    ['#/settings', { view: 'settings' }],
    ['#/nodes?list=asked', { view: 'nodes', list: 'asked' }],
    ['#/nodes?list=rubbish&show=stale,rubbish,failing&find=a%20b', { view: 'nodes', show: ['failing', 'stale'], find: 'a b' }],
    ['#/chart?level=node', { level: 'node' }],
    ['#/chart?level=galaxy', {}],
    ['#/chart?hide=none', { hide: [] }],
    ['#/chart?hide=old,ignored,rubbish', { hide: ['old', 'ignored'] }],
    ['#/chart?table', { table: 'connections' }],
    ['#/chart?table=connections', { table: 'connections' }],
    ['#/chart?table=services', { table: 'services' }],
    ['#/chart?table=rubbish', { table: 'connections' }],
    ['#/chart?table=services&connection=c1', { table: 'services', selection: { kind: 'connection', id: 'c1' } }],
    ['#/chart?node=vm', { selection: { kind: 'node', id: 'vm' } }],
    ['#/chart?incident=k3j2', { incident: 'k3j2' }],
    ['#/nodes?incident=k3j2', { view: 'nodes' }],
    ['#/chart?fails=db01,a%20b,db01', { question: 'fails', of: ['db01', 'a b'] }],
    ['#/nodes/db01?needs=db01', { view: 'node', node: 'db01', question: 'needs', of: ['db01'] }],
    ['#/chart?fails=', { question: 'fails' }],
    ['#/chart?service=vm~tcp~80~%3A%3A', { selection: { kind: 'service', id: 'vm~tcp~80~::' } }],
  ])('reads %s', (hash, expected) => {
    expect(parseRoute(hash)).toEqual({ ...HOME, ...expected });
  });

  it.each<Partial<Route>>([
    {},
    { view: 'node', node: 'a b/c?d&e' },
    { view: 'unknown', path: 'nope' },
    { level: 'node', hide: [], table: 'connections' },
    { table: 'services' },
    { incident: 'k3j2', selection: { kind: 'node', id: 'vm' } },
    { view: 'incidents', incident: 'k3j2' },
    { question: 'needs', of: ['a b', 'vm~tcp~80'] },
    { question: 'fails', of: [] },
    { view: 'nodes', list: 'agents' },
    { view: 'nodes', show: ['failing', 'reporting'], find: 'web & ?' },
    { hide: ['old'], selection: { kind: 'connection', id: 'x=1&y' } },
    { hide: DEFAULT_HIDE, selection: { kind: 'service', id: 'vm~udp~53~127.0.0.53' } },
  ])('comes back from its own link: %j', (change) => {
    const route = { ...HOME, ...change };
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });

  it.each<[Partial<Route>, string]>([
    [{}, '#/chart'],
    [{ table: 'connections' }, '#/chart?table'],
    [{ table: 'services' }, '#/chart?table=services'],
    [{ hide: [] }, '#/chart?hide=none'],
    [{ hide: ['observers', 'infrastructure', 'ignored'] }, '#/chart'],
    [{ level: 'node', selection: { kind: 'node', id: 'a b' } }, '#/chart?level=node&node=a%20b'],
  ])('writes %j as %s', (change, hash) => expect(formatRoute({ ...HOME, ...change })).toBe(hash));

  it('leaves a page that there is not', () => {
    const route: Route = { ...HOME, view: 'unknown', path: 'nope' };
    expect(formatRoute(goTo(route, 'chart'))).toBe('#/chart');
    expect([goTo(route, 'nodes'), showNode(route, 'vm'), showOnChart(route, { kind: 'node', id: 'vm' })].map((r) => r.path)).toEqual(['', '', '']);
  });

  it('keeps a path on the chart while something else is selected there, and leaves it with the chart', () => {
    const route: Route = { ...HOME, incident: 'k3j2' };
    expect(formatRoute(showOnChart(route, { kind: 'node', id: 'vm' }))).toBe('#/chart?node=vm&incident=k3j2');
    expect(formatRoute(goTo(route, 'nodes'))).toBe('#/nodes');
    expect(formatRoute(ask(route, 'fails', ['vm']))).toBe('#/chart?fails=vm');
    expect(formatRoute(showPath({ ...HOME, view: 'incidents', incident: 'k3j2' }, 'k3j2'))).toBe('#/chart?incident=k3j2');
  });

  it('keeps filter and level from page to page, and drops the selection', () => {
    const route: Route = { ...HOME, level: 'node', hide: ['old'], selection: { kind: 'node', id: 'vm' }, table: 'connections' };
    expect(formatRoute(goTo(route, 'nodes'))).toBe('#/nodes?level=node&hide=old');
    expect(formatRoute(goTo({ ...route, view: 'nodes', list: 'asked', show: ['stale'], find: 'x' }, 'chart'))).toBe('#/chart?level=node&hide=old');
    expect(formatRoute(showList({ ...route, view: 'nodes', show: ['stale'], find: 'x' }, 'agents'))).toBe('#/nodes?level=node&hide=old&list=agents');
    expect(formatRoute(showNode(route, 'vm'))).toBe('#/nodes/vm?level=node&hide=old');
    expect(formatRoute(showOnChart(route, { kind: 'service', id: 's' }))).toBe('#/chart?level=node&hide=old&service=s');
  });
});
