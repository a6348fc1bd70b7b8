import { afterEach, describe, expect, it, vi } from 'vitest';
import type { NodeState, Session, TopologyDocument, Version } from '../api/types';
import { TARGETS, fleetFixture, makeSite } from '../fixtures';
import { type Harness, type Reply, clear, click, find, json, settle, showLive, texts, type } from '../testing/app';
import { isOwnAddress, ownAddress, targetURL, usesText } from './AddNode';
import { NodeView } from './Node';
import { SidePanel } from '../parts/SidePanel';
import { NodesView } from './Nodes';

afterEach(clear);

const fleet = (hash = '#/nodes', reply?: Reply): Promise<Harness> =>
  showLive(<NodesView />, { hash, doc: fleetFixture(), ...(reply ? { reply } : {}) });

const names = (root: ParentNode): string[] => texts(root, 'tbody td.strong');

/** What was sent, as `POST nodes {…}`. */
function recorder(answer: (method: string, path: string) => Response | null = () => null): { sent: string[]; reply: Reply } {
  const sent: string[] = [];
  return {
    sent,
    reply: (method, path, body) => {
      if (method === 'GET') return answer(method, path);
      sent.push(`${method} ${path} ${body}`.trim());
      return answer(method, path) ?? new Response(null, { status: 204 });
    },
  };
}

async function loggedIn(h: Harness, role: Session['role']): Promise<void> {
  h.app.session.door.value = 'in';
  h.app.session.role.value = role;
  await settle();
}

describe('the table of nodes', () => {
  it('has the worst first, with how each reports and what is wrong', async () => {
    const { root } = await fleet();
    expect(names(root).slice(0, 3)).toEqual(['app01', 'ssh://dotm@db9', 'cache01']);
    expect(find(root, 'tbody tr', 'app01').textContent).toMatch(/fails.*SSH.*Node’s host key is not the known one/);
    expect(find(root, 'tbody tr', 'web01').textContent).toContain('2.3 s ahead');
    expect(find(root, 'tbody tr', '10.20.0.100').textContent).toContain('on lb02');
    expect(find(root, 'tbody tr', 'legacy-db').textContent).toContain('not at all');
  });

  it('calls a node as others do, with its address beside it', async () => {
    const { root } = await fleet();
    expect(find(root, 'tbody tr', 'legacy-db').querySelector('td.strong')?.textContent).toBe('legacy-db 10.20.9.9');
    expect(find(root, 'tbody tr', 'legacy-db').querySelector('td.strong .address')?.textContent).toBe('10.20.9.9');
    await click(root, 'th button', 'Node');
    expect(names(root).indexOf('legacy-db 10.20.9.9')).toBe(names(root).indexOf('lb03') + 1);
  });

  it('is read again only while somebody can see it', async () => {
    // Each read is long enough after the one before.
    let at = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (at += 60_000));
    const h = await fleet();
    const reads = (): number => h.asked.filter((a) => a === 'GET nodes').length;
    const visible = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    const before = reads();
    h.now('2026-11-23T05:31:00Z');
    await settle();
    h.now('2026-11-23T05:32:00Z');
    await settle();
    expect(reads()).toBe(before);
    visible.mockReturnValue('visible');
    document.dispatchEvent(new Event('visibilitychange'));
    await settle();
    expect(reads()).toBe(before + 1);
  });

  it('so do its page, the lists of those that talk to it and the titles of its connections', async () => {
    const page = await showLive(<NodeView name="10.20.9.9" />, { doc: fleetFixture() });
    expect(find(page.root, 'h1').textContent).toBe('legacy-db');
    expect(find(page.root, '.headline', 'does not report').textContent).toContain('10.20.9.9');
    expect(find(page.root, '.hub-head').textContent).toBe('legacy-db10.20.9.9');
    const doc = fleetFixture();
    const c = doc.connections.find((x) => x.server.node === '10.20.9.9');
    if (!c) throw new Error('nothing talks to it');
    const client = await showLive(<NodeView name={c.client.node} />, { doc });
    expect(find(client.root, '.peer', 'legacy-db').querySelector('.address')?.textContent).toBe('10.20.9.9');
    expect(find(client.root, 'tbody tr', 'legacy-db').textContent).toContain('10.20.9.9');
    const panel = await showLive(<SidePanel />, { doc, hash: `#/chart?connection=${c.id}` });
    expect(find(panel.root, 'h2').textContent).toMatch(/→ legacy-db /);
    expect(find(panel.root, '.facts', 'legacy-db').textContent).toContain('10.20.9.9');
  });

  it('so does the panel', async () => {
    const { root } = await showLive(<SidePanel />, { doc: fleetFixture(), hash: '#/chart?node=10.20.0.100' });
    expect(find(root, 'h2').textContent).toBe('shop');
    expect(find(root, '.facts').textContent).toContain('10.20.0.100');
  });

  it('tells states and kinds by shape and word, not by colour', async () => {
    const { root } = await fleet();
    const shape = (words: string): string | null | undefined => find(root, 'tbody tr', words).querySelector('.standing path')?.getAttribute('d');
    expect(new Set(['app01', 'cache01', 'text://new1', 'lb02', 'legacy-db'].map(shape)).size).toBe(5);
    expect(find(root, 'tbody tr', '10.20.0.100').querySelector('.kind')?.getAttribute('aria-label')).toBe('virtual address');
    expect(find(root, 'tbody tr', 'legacy-db').querySelector('.kind path')?.getAttribute('stroke-dasharray')).toBeTruthy();
  });

  it('is narrowed by the link, and the link by what is chosen', async () => {
    const h = await fleet('#/nodes?show=stale');
    expect(names(h.root)).toEqual(['cache01', 'cache03', 'web03']);
    await click(h.root, '.filter', 'Failing');
    expect(h.hash()).toBe('#/nodes?show=failing,stale');
    expect(names(h.root)).toHaveLength(5);
    await type(find(h.root, '.find'), 'web');
    expect(h.hash()).toBe('#/nodes?show=failing,stale&find=web');
    expect(names(h.root)).toEqual(['web03']);
    expect(find(h.root, '.found').textContent).toBe('1 of 19 rows');
  });

  it('says when nothing matches, and how to see all again', async () => {
    const h = await fleet('#/nodes?find=nobody');
    expect(find(h.root, '.nothing').textContent).toContain('Nothing matches “nobody”.');
    await click(h.root, 'button', 'Clear the filter');
    expect(h.hash()).toBe('#/nodes');
    expect(names(h.root)).toHaveLength(19);
  });

  it('leaves out columns in which nobody says anything', async () => {
    const { root } = await showLive(<NodesView />, { doc: makeSite(8) });
    expect(texts(root, 'th')).not.toContain('Zone');
    expect(texts(root, 'th')).not.toContain('Clock');
  });

  it('leads to the node, or to the list of what is asked', async () => {
    const h = await fleet();
    await click(h.root, 'tbody tr', 'lb02');
    expect(h.hash()).toBe('#/nodes/lb02');
    await h.go('#/nodes');
    await click(h.root, 'tbody tr', 'text://new1');
    expect(h.hash()).toBe('#/nodes?list=asked');
  });
});

describe('what is asked', () => {
  it('is listed with how it went, the failing first', async () => {
    const { root } = await fleet('#/nodes?list=asked');
    expect(names(root)[0]).toBe('ssh://dotm@app01');
    expect(find(root, 'tbody tr', 'db9').textContent).toContain('Node can’t be reached: dial tcp 10.9.0.9:22: no route to host');
    expect(find(root, 'tbody tr', 'db9').textContent).toContain('set in dotm.yaml');
    expect(find(root, 'tbody tr', 'new1').textContent).toContain('no answer yetnot yet');
  });

  it('is read again while one looks', async () => {
    const h = await fleet('#/nodes?list=asked');
    const before = h.asked.filter((a) => a === 'GET nodes').length;
    h.now('2026-11-23T05:30:06Z');
    await new Promise((done) => setTimeout(done, 1100));
    await settle();
    expect(h.asked.filter((a) => a === 'GET nodes').length).toBe(before + 1);
  });

  it('is removed after a question', async () => {
    const { sent, reply } = recorder();
    const { root } = await fleet('#/nodes?list=asked', reply);
    await click(find(root, 'tbody tr', 'web02'), 'button', 'Remove');
    expect(sent).toEqual([]);
    await click(root, '.confirm button', 'Remove');
    expect(sent).toEqual(['DELETE targets?url=text%3A%2F%2Fweb02']);
    expect(root.querySelector('.confirm')).toBeNull();
  });

  it('stays when the server refuses, which says why', async () => {
    const { reply } = recorder((method) => (method === 'DELETE' ? json({ title: 'Conflict', status: 409, detail: 'nodes is set in dotm.yaml' }, 409) : null));
    const { root } = await fleet('#/nodes?list=asked', reply);
    await click(find(root, 'tbody tr', 'web02'), 'button', 'Remove');
    await click(root, '.confirm button', 'Remove');
    expect(find(root, '.confirm [role="alert"]').textContent).toBe('Nodes is set in dotm.yaml');
    await click(root, '.confirm button', 'Cancel');
    expect(root.querySelector('.confirm')).toBeNull();
  });
});

describe('a new node', () => {
  const open = async (way: string, reply?: Reply, doc?: Partial<Version>): Promise<Harness> => {
    const h = await fleet('#/nodes', reply);
    h.app.version.value = { version: '0.1.0', go: '', revision: '', started: '', listen: '0.0.0.0:4849', loopback: false, ...doc };
    await click(h.root, 'button', 'Add a node');
    await click(h.root, '.sheet .segments button', way);
    return h;
  };
  const commands = (root: ParentNode): string[] => texts(root, '.sheet .command code');

  it('that has an agent needs a token, shown once', async () => {
    const { sent, reply } = recorder((method, path) =>
      method === 'POST' && path === 'tokens' ? json({ token: 'dotm1e.secret', id: 'a1', expires: '2026-11-24T05:30:00Z' }, 201) : null,
    );
    const { root } = await open('Agent', reply);
    expect(commands(root)).toContain(`sudo dotm agent --server ${ownAddress(location.href)} --token-file /etc/dotm.token`);
    expect(commands(root)).toContain('dotm token create');
    await click(root, 'button', 'Make a token');
    expect(sent).toEqual(['POST tokens {"uses":1,"expires_in":"24h"}']);
    expect(commands(root)[0]).toBe('dotm1e.secret');
    expect(find(root, '.sheet').textContent).toContain('Shown this once. Good for one machine until');
    await click(root, '.sheet .segments button', 'SSH');
    await click(root, '.sheet .segments button', 'Agent');
    expect(commands(root)).not.toContain('dotm1e.secret');
  });

  it('says why there is no token', async () => {
    const { reply } = recorder((method) => (method === 'POST' ? json({ title: 'Forbidden', status: 403, detail: 'this login may not do that' }, 403) : null));
    const { root } = await open('Agent', reply);
    await click(root, 'button', 'Make a token');
    expect(find(root, '.sheet .error').textContent).toBe('This login may not do that');
  });

  it('on a loopback dotm is told how to reach it first', async () => {
    const { root } = await open('Agent', undefined, { loopback: true, listen: '127.0.0.1:4849' });
    expect(commands(root)).toEqual(['dotm serve --listen :4849']);
    expect(find(root, '.sheet').textContent).toContain('It listens on 127.0.0.1:4849');
  });

  it('of an insecure dotm needs no token', async () => {
    const { root } = await open('Agent', undefined, { insecure: true });
    expect(commands(root)).toEqual([`sudo dotm agent --server ${ownAddress(location.href)}`]);
  });

  it('is asked over SSH, with what must be set up before', async () => {
    const { sent, reply } = recorder((method) => (method === 'POST' ? json({ url: 'ssh://dotm@db1', zone: 'dmz', node: '' }, 201) : null));
    const h = await open('SSH', reply);
    expect(commands(h.root)).toContain('dotm node ssh-command --for authorized_keys < ~/.ssh/id_ed25519.pub');
    const [url, zone] = [...h.root.querySelectorAll<HTMLInputElement>('.sheet input')];
    await type(url as HTMLInputElement, ' dotm@db1 ');
    await type(zone as HTMLInputElement, 'dmz');
    await click(h.root, '.sheet button', 'Add it');
    expect(sent).toEqual(['POST nodes {"url":"ssh://dotm@db1","zone":"dmz"}']);
    expect(h.root.querySelector('.sheet')).toBeNull();
    expect(h.hash()).toBe('#/nodes?list=asked');
  });

  it('that is wrong is told so at the field', async () => {
    const errors = [{ message: 'must be like text://host:4848', location: 'body.url', value: 'text://a b' }];
    const { reply } = recorder((method) => (method === 'POST' ? json({ title: 'Unprocessable Entity', status: 422, detail: 'url must be …', errors }, 422) : null));
    const { root } = await open('Plain text', reply);
    const [url, zone] = [...root.querySelectorAll<HTMLInputElement>('.sheet input')] as [HTMLInputElement, HTMLInputElement];
    await type(url, 'a b');
    await click(root, '.sheet button', 'Add it');
    expect([url.getAttribute('aria-invalid'), zone.getAttribute('aria-invalid')]).toEqual(['true', 'false']);
    expect(find(root, '#add-url-said').textContent).toBe('Must be like text://host:4848, is text://a b');
    expect(find(root, '#add-zone-said').textContent).not.toContain('must');
    expect(url.value).toBe('a b');
  });

  it('that fails as a whole says so below', async () => {
    const { reply } = recorder((method) => (method === 'POST' ? json({ title: 'Service Unavailable', status: 503, detail: 'store is read-only' }, 503) : null));
    const { root } = await open('Plain text', reply);
    await type(find(root, '.sheet input'), 'db1');
    await click(root, '.sheet button', 'Add it');
    expect(find(root, '.sheet .error').textContent).toBe('Store is read-only');
  });

  it('is not for those who may only look', async () => {
    const h = await fleet();
    await loggedIn(h, 'viewer');
    expect(h.root.textContent).not.toContain('Add a node');
    expect(texts(h.root, '[aria-label="List"] button').join()).not.toContain('Agents');
    await h.go('#/nodes?list=asked');
    expect(h.root.querySelector('td.acts button')).toBeNull();
  });

  it.each([
    ['https://127.0.0.1:4849', true],
    ['https://[::1]:4849', true],
    ['http://localhost', true],
    ['https://dotm.example', false],
    ['https://10.0.0.1', false],
  ])('%s leads nodes to themselves: %s', (address, own) => expect(isOwnAddress(address)).toBe(own));

  it.each([
    ['ssh', 'dotm@db1', 'ssh://dotm@db1'],
    ['text', ' db1:4850 ', 'text://db1:4850'],
    ['ssh', 'text://db1', 'text://db1'],
  ])('%s and %j make %s', (scheme, address, url) => expect(targetURL(scheme, address)).toBe(url));

  it.each([
    ['https://dotm.example:4849/#/nodes', 'https://dotm.example:4849'],
    ['https://example/tools/dotm/?x#/nodes', 'https://example/tools/dotm'],
    ['https://example/login#x', 'https://example'],
  ])('at %s the server is %s', (href, address) => expect(ownAddress(href)).toBe(address));

  it('counts what a token was used for', () => {
    expect(usesText(0, 12)).toBe('12 machines, any number');
    expect(usesText(1, 0)).toBe('0 of 1 machine');
  });
});

describe('suggestions', () => {
  it('have their evidence, and are added with one click', async () => {
    const { sent, reply } = recorder((method) => (method === 'POST' ? json({ url: 'ssh://legacy-db', zone: '', node: '' }, 201) : null));
    const { root } = await fleet('#/nodes?list=suggestions', reply);
    expect(texts(root, '.evidence li')).toContain('app01: puma calls its tcp port 5432');
    expect(find(root, 'tbody tr', '10.20.0.53').textContent).toContain('the server’s hosts file calls it ns1');
    await click(find(root, 'tbody tr', 'legacy-db'), 'button', 'Ask over SSH');
    expect(sent).toEqual(['POST nodes {"url":"ssh://legacy-db"}']);
    expect(root.textContent).toContain('ssh://legacy-db is asked from now on.');
  });

  it('keep the zone, and say at their row why they were refused', async () => {
    const { sent, reply } = recorder((method) => (method === 'POST' ? json({ title: 'Conflict', status: 409, detail: 'node is asked already' }, 409) : null));
    const { root } = await fleet('#/nodes?list=suggestions', reply);
    await click(find(root, 'tbody tr', '10.20.0.53'), 'button', 'Ask in plain text');
    expect(sent).toEqual(['POST nodes {"url":"text://10.20.0.53","zone":"dmz"}']);
    expect(find(root, 'tbody tr', '10.20.0.53').querySelector('.error')?.textContent).toBe('Node is asked already');
  });

  it('may be none', async () => {
    const { root } = await showLive(<NodesView />, { hash: '#/nodes?list=suggestions' });
    expect(root.textContent).toContain('Nobody knows of a host that doesn’t report.');
  });
});

describe('agents', () => {
  it('are listed, those that were revoked last', async () => {
    const { root } = await fleet('#/nodes?list=agents');
    expect(names(root).slice(0, 4)).toEqual(['relay1 relay', 'lb01', 'lb02', 'old7']);
    expect(find(root, 'tbody tr', 'lb02').textContent).toContain('10.20.0.11 via relay1');
    expect(find(root, 'tbody tr', 'old7').querySelector('button')).toBeNull();
  });

  it('are revoked after a question', async () => {
    const { sent, reply } = recorder();
    const { root } = await fleet('#/nodes?list=agents', reply);
    await click(find(root, 'tbody tr', 'lb02'), 'button', 'Revoke');
    expect(find(root, '.confirm').textContent).toContain('Revoke the agent of lb02?');
    await click(root, '.confirm button', 'Revoke');
    expect(sent).toEqual(['DELETE agents/11aa22bb33cc44dd']);
  });

  it('enrol with tokens, which can be ended', async () => {
    const { sent, reply } = recorder();
    const { root } = await fleet('#/nodes?list=agents', reply);
    const tokens = find(root, 'table[aria-label="Tokens"]');
    expect(find(tokens, 'tbody tr', 'a1b2c3').textContent).toContain('12 machines, any number');
    await click(find(tokens, 'tbody tr', 'a1b2c3'), 'button', 'End');
    await click(root, '.confirm button', 'End it');
    expect(sent).toEqual(['DELETE tokens/a1b2c3']);
  });

  it('are none of a dotm for this machine alone', async () => {
    const { root } = await showLive(<NodesView />, { hash: '#/nodes?list=agents' });
    expect(root.textContent).toContain('it serves this machine alone');
  });

  it('are for admins', async () => {
    const { root } = await fleet('#/nodes?list=agents', (_, path) => (path === 'agents' ? json({ title: 'Forbidden', status: 403, detail: 'this login may not do that' }, 403) : null));
    expect(find(root, '[role="alert"]').textContent).toContain('this login may not do that');
  });
});

describe('a node that said it goes', () => {
  const AT = '2026-11-23T05:16:00Z';
  const gone = (state: NodeState): TopologyDocument => {
    const doc = fleetFixture();
    return { ...doc, nodes: doc.nodes.map((n) => (n.name === 'web01' ? { ...n, findings: [], state, last_report: AT } : n)) };
  };

  it.each([
    ['left', 'shut down', 'left', '15 nodes: 9 report, 1 fails, 3 are stale, 1 was shut down, 1 never reported'],
    ['stopped', 'agent stopped', 'stopped', '15 nodes: 9 report, 1 fails, 3 are stale, 1 has its agent stopped, 1 never reported'],
  ] as const)('%s is on the list as %s, and found by it', async (state, word, filter, line) => {
    const h = await showLive(<NodesView />, { hash: `#/nodes?show=${filter}`, doc: gone(state) });
    expect(names(h.root)).toEqual(['web01']);
    expect(find(h.root, 'tbody tr .standing').textContent).toBe(word);
    expect(h.root.textContent).toContain(line);
  });

  it('is rebooting before it is there again', async () => {
    const { root } = await showLive(<NodesView />, { doc: gone('rebooting') });
    expect(find(root, 'tbody tr', 'web01').textContent).toContain('rebooting');
    expect(root.textContent).toContain('1 is rebooting');
  });

  it.each([
    ['left', /^Host, shut down .*(05:16|5:16).*\.$/],
    ['rebooting', /^Host, rebooting since .*(05:16|5:16).*\.$/],
    ['stopped', /^Host, agent stopped .*(05:16|5:16).*\.$/],
  ] as const)('%s has the moment in its panel and on its page', async (state, words) => {
    const panel = await showLive(<SidePanel />, { doc: gone(state), hash: '#/chart?node=web01' });
    panel.app.prefs.utc.value = true;
    await settle();
    expect(find(panel.root, '.panel p.ink2').textContent).toMatch(words);
    clear();
    const page = await showLive(<NodeView name="web01" />, { doc: gone(state) });
    expect(texts(page.root, '.headline .ink2').join()).toMatch(/(shut down|rebooting since|agent stopped) .*:16/);
    expect(find(page.root, '.hub').classList.contains('stale')).toBe(true);
  });
});

describe('the page of a node of the fleet', () => {
  const page = (name: string, reply?: Reply): Promise<Harness> =>
    showLive(<NodeView name={name} />, { hash: `#/nodes/${encodeURIComponent(name)}`, doc: fleetFixture(), ...(reply ? { reply } : {}) });

  it('says how it is asked, and what went wrong', async () => {
    const { root } = await page('app01');
    expect(find(root, '.strip').textContent).toContain('over SSH, asked at ssh://dotm@app01');
    expect(find(root, '.finding').textContent).toMatch(/Asking it failed 35 s ago.*Node’s host key.*last answer 6 min ago/);
  });

  it('says what tells it apart, and speaks of an agent’s cost only where there is one', async () => {
    const doc = fleetFixture();
    const cost = { cpu_ms: 0, wall_ms: 0, sockets: 3 };
    const nodes = doc.nodes.map((n) => ({ ...n, cost }));
    const strip = async (name: string): Promise<string> => {
      clear();
      const { root } = await showLive(<NodeView name={name} />, { doc: { ...doc, nodes } });
      return find(root, '.strip').textContent;
    };
    expect(await strip('web02')).toContain('Known byits name alone');
    expect(await strip('web02')).not.toContain('Agent cost');
    expect(await strip('lb02')).toMatch(/0\.0 ms per scan of 3 sockets(?!,)/);
  });

  it('shows findings with what to do, commands apart from words', async () => {
    const { root } = await page('app02');
    expect(texts(root, '.finding b')).toEqual(['app03 has the same machine-id', '10.20.2.11 is an address of app03 too']);
    expect(find(root, '.finding .command code').textContent).toBe('rm /etc/machine-id; systemd-machine-id-setup');
    clear();
    const { root: other } = await page('app01');
    expect(other.querySelector('.command')).toBeNull();
    expect(other.textContent).toContain('All names: sudo for two commands, by the line that dotm node ssh-command --for sudoers prints');
  });

  it('names the virtual addresses that it has now', async () => {
    expect(find((await page('lb02')).root, '.strip').textContent).toContain('Has now10.20.0.100');
  });

  it('of a virtual address shows who has it and who had it', async () => {
    const { root } = await page('10.20.0.100');
    expect(find(root, '.oddities h3').textContent).toBe('Now on lb02');
    const [now, before] = texts(root, '.holders li');
    expect(now).toMatch(/^lb02 ?since/);
    expect(before).toMatch(/^lb01.* to .*, for 13 d$/);
    expect(find(root, '.holders a').getAttribute('href')).toBe('#/nodes/lb02');
    expect(find(root, '.hub').className).toBe('hub virtual');
  });

  it('removes it, or says why that cannot be', async () => {
    let refuse = true;
    const { sent, reply } = recorder((method) =>
      method === 'DELETE' && refuse ? json({ title: 'Conflict', status: 409, detail: 'node still reports: stop its agent first' }, 409) : null,
    );
    const h = await page('web02', reply);
    await click(h.root, 'button', 'Remove');
    await click(h.root, '.confirm button', 'Remove');
    expect(find(h.root, '.confirm .error').textContent).toBe('Node still reports: stop its agent first');
    refuse = false;
    await click(h.root, '.confirm button', 'Remove');
    expect(sent).toEqual(['DELETE nodes/web02', 'DELETE nodes/web02']);
    expect(h.hash()).toBe('#/nodes');
  });

  it('offers no removal of what is only seen', async () => {
    expect(texts((await page('10.20.9.9')).root, 'button')).not.toContain('Remove');
    expect(TARGETS.some((t) => t.node === '10.20.9.9')).toBe(false);
  });
});
