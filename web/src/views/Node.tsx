import { useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Connection, NodeDocument, NodeInfo, NodeKind, RecentDocument, Service, Target } from '../api/types';
import { edgeWidth } from '../chart/width';
import { bytes, figure, goDuration, plural, shortMoment } from '../lib/format';
import { CheckTable, NodeSign } from '../parts/Checks';
import { lazy } from '../parts/Lazy';
import { isGone, nodeConnections, nodeServices, unnamed } from '../parts/columns';
import { Confirm } from '../parts/Dialog';
import { Icon } from '../parts/Icon';
import { AskedProblem, Findings, Holders } from '../parts/NodeFacts';
import { NodeName } from '../parts/NodeName';
import { Questions } from '../parts/PanelParts';
import { ProblemNote } from '../parts/Problem';
import { NoteText } from '../parts/SidePanel';
import { stateOf } from '../parts/shapes';
import { Signal, SignalIcon } from '../parts/Signal';
import { StateIcon } from '../parts/StateIcon';
import { type Column, Table } from '../parts/Table';
import { Age } from '../parts/Time';
import { Uses } from '../parts/Uses';
import { fails, mayForget, skewWord, waySentence } from '../state/fleet';
import { openOf, others } from '../state/checks';
import { type Judge, type Trouble, judgeOf } from '../state/health';
import { signalsById } from '../state/signals';
import { useResource, useTurn } from '../state/resource';
import { formatRoute, goTo, showNode, showOnChart } from '../state/route';
import { byPort, containerName, knownAs, serviceLabel } from '../state/topology';
import { isMute, isSilent, split, stateWord } from '../state/words';
import { ContainerFacts, Inside } from './Inside';
import { type Flow, type Peer, type Total, type Wire, buildFlow, peerSign, peerTop, socketFacts, troublesOf } from './flow';

/** The page of one node: in, services, out; then the tables. */
export function NodeView({ name }: { name: string }) {
  const { client, feed, route } = useApp();
  const { data, problem, reload } = useResource(`node ${name}`, feed.topology.value?.revision ?? '', (s) => client.node(name, s));
  return (
    <div class="scroll">
      <div class="headline">
        <a href={formatRoute(goTo(route.value, 'nodes'))}>Nodes</a>
        <span class="ink3">/</span>
        <span class="ink2">{data?.node.known_as || name}</span>
      </div>
      {problem && (problem.status === 404 ? <NoSuchNode name={name} /> : <ProblemNote problem={problem} onRetry={reload} />)}
      {data && <NodePage document={data} />}
    </div>
  );
}

/** Trying again would not bring it: it never was, or it left the map. */
function NoSuchNode({ name }: { name: string }) {
  const { route } = useApp();
  return (
    <div class="problem" role="alert">
      <h2>No node is named {name}.</h2>
      <a href={formatRoute(goTo(route.value, 'nodes'))}>All nodes</a>
    </div>
  );
}

const Recent = lazy(() => import('../parts/Recent').then((m) => m.Recent));
const MiniLine = lazy(() => import('../parts/Sparkline').then((m) => m.MiniLine));
const Declared = lazy(() => import('../parts/Declared').then((m) => m.Declared));

function NodePage({ document: { node, connections, ...document } }: { document: NodeDocument }) {
  const { feed, now, prefs, route, navigate, sources, alerts } = useApp();
  const topology = feed.topology.value;
  const inHost = containerName(node);
  const target = useTarget(node);
  const services = useMemo(() => [...document.services].sort(byPort), [document.services]);
  const judge = useMemo(() => judgeOf(topology, now.peek(), signalsById(alerts.value)), [topology, alerts.value]);
  const hour = useHour(node);
  const serviceColumns = useMemo(() => [...nodeServices(judge), ...hourColumn(hour)], [judge, hour]);
  const columns = useMemo(() => nodeConnections(node, judge, knownAs(topology)), [node.name, node.state, judge]);
  const parts = useMemo(() => split(connections, node.name), [connections, node.name]);
  const flow = useMemo(() => buildFlow(services, parts.into, parts.out, judge), [services, parts, judge]);
  const troubles = useMemo(() => troublesOf(services, connections, node.name, judge), [services, connections, judge]);
  return (
    <>
      <div class="headline">
        <h1>
          <NodeSign node={node} size={22} />
          {inHost && <Icon name="container" />}
          {node.kind === 'virtual' && <Icon name="virtual" />}
          {node.kind === 'network' && <Icon name="network" />}
          {inHost?.container ?? (node.known_as || node.name)}
        </h1>
        {node.known_as && !inHost && <span class="mono ink3">{node.name}</span>}
        <span class="ink2">
          {inHost && 'container, '}
          {node.this ? 'this node, ' : ''}
          {stateWord(node, (at) => shortMoment(at, now.peek(), prefs.utc.value))}
        </span>
        {troubles[0] && <Signal severity={troubles[0].severity}>{troubles[0].text}</Signal>}
        <span class="gap" />
        {node.kind !== 'internet' && node.kind !== 'network' && <Questions of={[node.name]} />}
        <Remove node={node} target={target} />
        {node.kind === 'internet' && <a href={formatRoute(goTo(route.value, 'geo'))}>On the map</a>}
        <button type="button" onClick={() => navigate(showOnChart(route.value, { kind: 'node', id: node.name }))}>
          Show on chart
        </button>
      </div>
      <Strip node={node} services={services} target={target} />
      <Oddities node={node} target={target} />
      {(node.notes ?? []).map((note) => (
        <div key={note.code} class="form">
          <NoteText note={note} />
        </div>
      ))}
      <FlowChart node={node} flow={flow} judge={judge} />
      <Sockets node={node} connections={connections} troubles={troubles} />
      <Recent hour={hour} />
      <Inside node={node} />
      <CheckTable node={node.name} />
      {others(sources.value).length > 0 && <Declared node={node.name} />}
      <div class="columns">
        <section>
          <div class="section-head">
            <h3>Services</h3>
            <span>{figure(services.length)}</span>
          </div>
          <Table
            label={`Services of ${node.name}`}
            columns={serviceColumns}
            items={services}
            id={(s) => s.id}
            sort={{ key: 'used', descending: true }}
            last={isGone}
            onOpen={(s) => navigate(showOnChart(route.value, { kind: 'service', id: s.id }))}
            empty="No service is known here."
          />
        </section>
        <section>
          <div class="section-head">
            <h3>Connections</h3>
            <span>{figure(connections.length)}</span>
          </div>
          <Table
            label={`Connections of ${node.name}`}
            columns={columns}
            items={connections}
            id={(c) => c.id}
            sort={{ key: 'count', descending: true }}
            onOpen={(c) => navigate(showOnChart(route.value, { kind: 'connection', id: c.id }))}
            empty="No connection is known here."
          />
        </section>
      </div>
      <UsesOf services={services} />
    </>
  );
}

/** The numbers of the last hour are read again this often, ms. */
const HOUR_MS = 15_000;

/** The node's last hour; null while nothing is known, and in the past. */
function useHour(node: NodeInfo): RecentDocument | null {
  const { client, now, route } = useApp();
  const live = route.value.at === '';
  const turn = useTurn(now, HOUR_MS);
  const { data } = useResource(`recent ${live ? node.name : ''}`, String(turn), (s) => (live ? client.recent(node.name, s) : Promise.resolve(null)));
  return data;
}

/** How many connections of a service were open, as a line. */
function hourColumn(hour: RecentDocument | null): Column<Service>[] {
  if (!hour || Object.keys(hour.services).length === 0) return [];
  const points = (s: Service) => hour.services[s.id]?.open ?? [];
  return [{ key: 'hour', title: 'Open, last hour', class: 'roomy', cell: (s) => (points(s).length > 0 ? <MiniLine points={points(s)} word={(n) => `${figure(Math.round(n))} open`} /> : null) }];
}

/** So many sentences of trouble stand on the page. */
const TOLD = 6;

/** What the sockets of the node say together: its trouble in sentences, else what is open. */
function Sockets({ node, connections, troubles }: { node: NodeInfo; connections: readonly Connection[]; troubles: readonly Trouble[] }) {
  const facts = socketFacts(connections);
  if (connections.length === 0) return null;
  return (
    <section class="sockets">
      <div class="section-head">
        <h3>Sockets</h3>
        <span>{facts.join(', ')}</span>
      </div>
      {troubles.length === 0 ? (
        <p class="ink2">{isSilent(node) ? 'Nothing is known of its own sockets: it does not report.' : 'No trouble is seen in its sockets.'}</p>
      ) : (
        <ul class="plain-list">
          {troubles.slice(0, TOLD).map((t) => (
            <li key={t.text}>
              <Signal severity={t.severity}>{t.text}.</Signal>
            </li>
          ))}
          {troubles.length > TOLD && <li class="ink3">and {figure(troubles.length - TOLD)} more, in the tables below</li>}
        </ul>
      )}
    </section>
  );
}

/** Who used a service of the node, of which one is chosen. */
function UsesOf({ services }: { services: readonly Service[] }) {
  const [chosen, setChosen] = useState('');
  const service = services.find((s) => s.id === chosen) ?? services[0];
  if (!service) return null;
  return (
    <section class="form uses-of">
      <label>
        <h3>Who needs</h3>{' '}
        <select value={service.id} onChange={(event) => setChosen(event.currentTarget.value)}>
          {services.map((s) => (
            <option key={s.id} value={s.id}>
              {serviceLabel(s)}
            </option>
          ))}
        </select>
      </label>
      <Uses service={service} />
    </section>
  );
}

/** The kinds that report, or could. */
const HOSTS: readonly NodeKind[] = ['host', 'container', 'inferred'];

/** How a node is asked, if it is. */
function useTarget(node: NodeInfo): Target | null {
  const { client, now } = useApp();
  const asked = node.collect === 'text' || node.collect === 'ssh';
  const { data } = useResource(`target ${asked ? node.name : ''}`, String(Math.floor(now.value / POLL_MS)), (s) =>
    asked ? client.nodes(s) : Promise.resolve({ nodes: [] }),
  );
  return data?.targets?.find((t) => t.node === node.name) ?? null;
}

/** How asking it goes is read again this often, ms. */
const POLL_MS = 30_000;

/** What is wrong or odd, and of a virtual address where it is and was. */
function Oddities({ node, target }: { node: NodeInfo; target: Target | null }) {
  const odd = (node.findings ?? []).length > 0 || fails(target);
  if (!odd && node.kind !== 'virtual') return null;
  return (
    <div class="form oddities">
      <AskedProblem target={target} />
      <Findings findings={node.findings} />
      {node.kind === 'virtual' && <Holders node={node} />}
    </div>
  );
}

/** Forgets a node, after asking; one that still reports is not forgotten, and it is said why. */
function Remove({ node, target }: { node: NodeInfo; target: Target | null }) {
  const { client, session, route, navigate } = useApp();
  const [asking, setAsking] = useState(false);
  if (!session.mayAdmit.value || !mayForget(node, target)) return null;
  return (
    <>
      <button type="button" class="plain" onClick={() => setAsking(true)}>
        Remove
      </button>
      {asking && (
        <Confirm
          title={`Remove ${node.name}?`}
          action="Remove"
          run={async () => {
            await client.removeNode(node.name);
            navigate(goTo(route.value, 'nodes'));
          }}
          onClose={() => setAsking(false)}
        >
          Its services and connections leave the chart{target ? <>, and <code>{target.url}</code> is not asked any more</> : ''}. What other nodes see of it stays.
        </Confirm>
      )}
    </>
  );
}

function Strip({ node, services, target }: { node: NodeInfo; services: readonly Service[]; target: Target | null }) {
  const { cost } = node;
  const byAgent = node.collect === 'agent' || !node.collect;
  return (
    <dl class="strip">
      <ContainerFacts node={node} services={services} />
      {node.addresses.length > 0 && (
        <div>
          <dt>Addresses</dt>
          <dd class="mono">{node.addresses.join(', ')}</dd>
        </div>
      )}
      {(node.virtual_addresses ?? []).length > 0 && (
        <div>
          <dt>Has now</dt>
          <dd class="mono">{(node.virtual_addresses ?? []).join(', ')}</dd>
        </div>
      )}
      {HOSTS.includes(node.kind) && (
        <div>
          <dt>Reports</dt>
          <dd>{waySentence(node, target)}</dd>
        </div>
      )}
      {HOSTS.includes(node.kind) && (
        <div>
          <dt>Last report</dt>
          <dd>
            <Age at={node.last_report} />
            {node.last_report && node.interval ? `, every ${goDuration(node.interval)}` : ''}
          </dd>
        </div>
      )}
      {node.zone && (
        <div>
          <dt>Zone</dt>
          <dd>{node.zone}</dd>
        </div>
      )}
      {skewWord(node.clock_skew) && (
        <div>
          <dt>Its clock</dt>
          <dd>{skewWord(node.clock_skew)}</dd>
        </div>
      )}
      {node.weak_identity && (
        <div>
          <dt>Known by</dt>
          <dd title="Another host of that name would be taken for it. An agent there that can read /etc/machine-id tells them apart.">its name alone</dd>
        </div>
      )}
      {cost && byAgent && (
        <div>
          <dt>Agent cost</dt>
          <dd>
            {cost.cpu_ms.toFixed(1)} ms per scan of {plural(cost.sockets, 'socket')}
            {cost.rss_bytes ? `, ${bytes(cost.rss_bytes)}` : ''}
          </dd>
        </div>
      )}
      {node.seen_by && node.seen_by.length > 0 && (
        <div>
          <dt>Evidence</dt>
          <dd>seen by {node.seen_by.join(' and ')}, one end only</dd>
        </div>
      )}
      <div>
        <dt>First seen</dt>
        <dd>
          <Age at={node.first_seen} />
        </dd>
      </div>
    </dl>
  );
}

/** All of a direction, also what does not fit into the picture. */
function total({ open, nodes }: Total): string {
  return nodes === 0 ? 'none seen' : `${figure(open)} open, ${plural(nodes, 'node')}`;
}

function FlowChart({ node, flow, judge }: { node: NodeInfo; flow: Flow; judge: Judge }) {
  const height = { height: `${flow.height}px` };
  return (
    <div class="flow" role="group" aria-label={`Connections of ${node.name}`}>
      <div>
        <div class="flow-head">
          <h3>Connects in</h3>
          <span>{total(flow.totalInto)}</span>
        </div>
        <Peers peers={flow.into} more={flow.moreInto} height={flow.height} />
      </div>
      <Wires wires={flow.wiresIn} height={flow.height} />
      <div>
        <div class="flow-head">
          <h3>Services of {node.known_as || node.name}</h3>
          <span>{figure(flow.rows.filter((r) => r.service).length)}</span>
        </div>
        <div class="flow-col" style={height}>
          <Hub node={node} flow={flow} judge={judge} />
        </div>
      </div>
      <Wires wires={flow.wiresOut} height={flow.height} />
      <div>
        <div class="flow-head">
          <h3>Connects to</h3>
          <span>{total(flow.totalOut)}</span>
        </div>
        <Peers peers={flow.out} more={flow.moreOut} height={flow.height} />
      </div>
    </div>
  );
}

function Hub({ node, flow, judge }: { node: NodeInfo; flow: Flow; judge: Judge }) {
  const state = isMute(node.state) ? ' stale' : isSilent(node) ? ' dashed' : node.kind === 'virtual' ? ' virtual' : '';
  const open = openOf(node);
  const trouble = open === 'NONE' ? '' : ` open-${open === 'DOWN' ? 'critical' : open.toLowerCase()}`;
  return (
    <div class={`hub${state}${trouble}`} style={{ top: `${flow.hubTop}px` }}>
      <div class="hub-head">
        <NodeSign node={node} />
        <b>{containerName(node)?.container ?? (node.known_as || node.name)}</b>
        <span class="mono ink3">{node.known_as ? node.name : (node.addresses.find((a) => a !== node.name) ?? '')}</span>
      </div>
      {flow.rows.map((row, i) => (
        <div key={row.key} class="hub-row" style={{ top: `${38 + i * 32}px` }}>
          {row.service ? <StateIcon state={stateOf(row.service, judge.service(row.service).length > 0)} /> : <span style={{ width: '14px' }} />}
          <span class={`name${row.service?.state === 'gone' ? ' gone' : ''}${row.service ? '' : ' ink3'}`}>
            {row.process || (row.service && <span class="ink3">{unnamed(row.service)}</span>)}
          </span>
          <span class="mono">{row.service ? `${row.service.protocol === 'udp' ? 'udp ' : ''}:${row.service.port}` : 'client'}</span>
        </div>
      ))}
      {/* The rows stand absolutely; this gives the box its height. */}
      <div class="flow-wires" style={{ height: `${Math.max(1, flow.rows.length) * 32}px` }} />
    </div>
  );
}

function Peers({ peers, more, height }: { peers: readonly Peer[]; more: number; height: number }) {
  const { route, feed } = useApp();
  const named = knownAs(feed.topology.value);
  const slots = peers.length + (more > 0 ? 1 : 0);
  return (
    <div class="flow-col" style={{ height: `${height}px` }}>
      {peers.map((p, i) => (
        <a
          key={p.key}
          class={`peer${isDashed(feed.topology.value?.nodes.get(p.node)) ? ' dashed' : ''}`}
          style={{ top: `${peerTop(i, slots, height)}px` }}
          href={formatRoute(showNode(route.value, p.node))}
          title={[`${named(p.node)} ${p.what}`, ...p.troubles.map((t) => t.text)].join('\n')}
        >
          <PeerSign peer={p} />
          <span class="name">
            <NodeName name={p.node} strong /> <span class="ink2">{p.what}</span>
          </span>
          {p.troubles[0] && <SignalIcon severity={p.troubles[0].severity} silent={false} />}
          <span>{p.old ? <span class="ink3">old</span> : figure(p.count)}</span>
        </a>
      ))}
      {more > 0 && (
        <span class="peer more" style={{ top: `${peerTop(peers.length, slots, height)}px` }}>
          + {more} in the table below
        </span>
      )}
    </div>
  );
}

/** What the checks say of the other end, where they say something is wrong. */
function PeerSign({ peer }: { peer: Peer }) {
  const { feed } = useApp();
  const verdict = peerSign(feed.topology.value, peer);
  return verdict && <NodeSign node={verdict} />;
}

function isDashed(node: NodeInfo | undefined): boolean {
  return node !== undefined && isSilent(node);
}

function course({ from, to }: Wire): string {
  return `M0 ${from}C50 ${from} 50 ${to} 100 ${to}`;
}

/** Curves between two columns: the width stretches, lines and heads don't. */
function Wires({ wires, height }: { wires: readonly Wire[]; height: number }) {
  return (
    <div class="flow-wires" aria-hidden="true">
      <div class="flow-head">
        <h3>&nbsp;</h3>
      </div>
      <div class="flow-col" style={{ height: `${height}px` }}>
        <svg class="wires" viewBox={`0 0 100 ${height}`} preserveAspectRatio="none">
          {wires.map((w) => (
            <path
              key={w.key}
              class={w.severity || (w.old ? 'old' : '')}
              d={course(w)}
              stroke-width={w.old ? 1.3 : edgeWidth(w.count)}
            />
          ))}
          {wires.map((w) => w.severity && <path key={`ticks ${w.key}`} class={`ticks ${w.severity}`} d={course(w)} />)}
        </svg>
        {wires.filter((w) => w.directed).map((w) => (
          <i key={w.key} class={`tip ${w.severity}`} style={{ top: `${w.to}px` }} />
        ))}
      </div>
    </div>
  );
}
