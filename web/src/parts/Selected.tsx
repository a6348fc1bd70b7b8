import type { ComponentChildren } from 'preact';
import { useApp } from '../app';
import type { ChartNode, Connection, Service } from '../api/types';
import { capital, figure, goDuration, isAddress, plural } from '../lib/format';
import { type Selection, formatRoute, showNode, showOnChart } from '../state/route';
import { type Topology, byPort, serviceLabel } from '../state/topology';
import { evidenceLine, fruitless, isUsed, resolvedLine, scopeWord, split, stateWord } from '../state/words';
import { serverText, unnamed } from './columns';
import { Icon } from './Icon';
import { NoteText } from './SidePanel';
import { stateOf } from './shapes';
import { StateIcon } from './StateIcon';
import { Age, Moment } from './Time';

const SHOWN = 8;

function Title({ children, state }: { children: ComponentChildren; state?: ComponentChildren }) {
  const { route, navigate } = useApp();
  return (
    <div class="panel-title">
      {state}
      <h2>{children}</h2>
      <button
        type="button"
        class="plain"
        aria-label="Close"
        title="Close (Esc)"
        onClick={() => navigate({ ...route.value, selection: null })}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function ChartLink({ to, children }: { to: Selection; children: ComponentChildren }) {
  const { route } = useApp();
  return <a href={formatRoute(showOnChart(route.value, to))}>{children}</a>;
}

/** A selection that the chart does not have: why that may be, and how to see everything. */
export function MissingPanel({ kind }: { kind: Selection['kind'] }) {
  const { route, navigate } = useApp();
  const { level, hide } = route.value;
  const coarse = level === 'node' && kind !== 'node';
  return (
    <section role="alert">
      <Title>This {kind} is not on the chart.</Title>
      <p class="ink2">
        {coarse && 'A chart of nodes shows no services. '}
        {hide.length > 0 ? 'It is gone from the map, or hidden by the filter.' : 'It is gone from the map.'}
      </p>
      {(coarse || hide.length > 0) && (
        <div>
          <button type="button" onClick={() => navigate({ ...route.value, level: coarse ? 'service' : level, hide: [] })}>
            Show everything
          </button>
        </div>
      )}
    </section>
  );
}

export function NodePanel({ topology, node }: { topology: Topology; node: ChartNode }) {
  const { route } = useApp();
  const services = [...topology.services.values()].filter((s) => s.node === node.name).sort(byPort);
  const { into, out, inside } = split(topology.connections.values(), node.name);
  return (
    <>
      <section>
        <Title>{node.name}</Title>
        <p class="ink2">{node.this ? `This node, ${node.kind}. It ${stateWord(node)}.` : sentence(node)}</p>
        <a href={formatRoute(showNode(route.value, node.name))}>Open its page</a>
      </section>
      <section>
        <dl class="facts">
          {node.addresses.length > 0 && (
            <Fact name="Addresses">
              {node.addresses.map((a) => (
                <div key={a} class="mono">
                  {a}
                </div>
              ))}
            </Fact>
          )}
          {node.last_report && (
            <Fact name="Last report">
              <Age at={node.last_report} />
              {node.interval && <span class="ink3">, every {goDuration(node.interval)}</span>}
            </Fact>
          )}
          <Fact name="First seen">
            <Moment at={node.first_seen} />
          </Fact>
          {node.seen_by && node.seen_by.length > 0 && <Fact name="Evidence">{`seen by ${node.seen_by.join(' and ')}, one end only`}</Fact>}
        </dl>
      </section>
      {(node.notes ?? []).map((note) => (
        <section key={note.code}>
          <NoteText note={note} />
        </section>
      ))}
      {services.length > 0 && <ServiceList services={services} />}
      <PeerList title="Connects in" connections={into} far="client" />
      <PeerList title="Connects to" connections={out} far="server" />
      <PeerList title="Inside the node" connections={inside} far="server" />
    </>
  );
}

function sentence(node: ChartNode): string {
  if (node.kind === 'internet') return 'Every address outside the internal networks.';
  if (node.kind === 'network') return 'A network outside of this site.';
  const kind = node.kind === 'inferred' ? 'Node' : node.kind.charAt(0).toUpperCase() + node.kind.slice(1);
  return `${kind}, ${stateWord(node)}.`;
}

function ServiceList({ services }: { services: readonly Service[] }) {
  return (
    <section>
      <div class="section-head">
        <h3>Services</h3>
        <span>{figure(services.length)}</span>
      </div>
      <ul class="list">
        {services.map((s) => (
          <li key={s.id}>
            <ChartLink to={{ kind: 'service', id: s.id }}>
              <StateIcon state={stateOf(s)} />
              <span class={`name${s.state === 'gone' ? ' gone' : ''}`}>{s.process || unnamed(s)}</span>
              <span class="mono">
                {s.protocol === 'udp' ? 'udp ' : ''}:{s.port}
              </span>
            </ChartLink>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface PeerProps {
  title: string;
  connections: readonly Connection[];
  /** Which end is the other one. */
  far: 'client' | 'server';
}

function PeerList({ title, connections, far }: PeerProps) {
  if (connections.length === 0) return null;
  const open = connections.reduce((n, c) => n + c.count, 0);
  const rest = connections.length - SHOWN;
  return (
    <section>
      <div class="section-head">
        <h3>{title}</h3>
        <span>{figure(open)} open</span>
      </div>
      <ul class="list">
        {connections.slice(0, SHOWN).map((c) => (
          <li key={c.id}>
            <ChartLink to={{ kind: 'connection', id: c.id }}>
              <span class="name">
                {far === 'client' ? c.client.node : c.server.node}{' '}
                <span class="ink3">{far === 'client' ? c.client.process || `to ${serverText(c)}` : serverText(c)}</span>
              </span>
              <span class={c.status === 'old' ? 'ink3' : ''}>{c.status === 'old' ? 'old' : figure(c.count)}</span>
            </ChartLink>
          </li>
        ))}
      </ul>
      {rest > 0 && <span class="ink3">and {plural(rest, 'more', 'more')}</span>}
    </section>
  );
}

export function ServicePanel({ topology, service }: { topology: Topology; service: Service }) {
  const clients = [...topology.connections.values()].filter((c) => c.server.service === service.id);
  const out = [...topology.connections.values()].filter((c) => c.client.service === service.id);
  const scope = scopeWord(service);
  return (
    <>
      <section>
        <Title state={<StateIcon state={stateOf(service)} size={22} />}>{serviceLabel(service)}</Title>
        <p class="ink2">
          {service.state === 'gone' ? 'Stopped listening on ' : service.state === 'seen' ? 'Seen from its clients, on ' : 'Listens on '}
          <ChartLink to={{ kind: 'node', id: service.node }}>{service.node}</ChartLink>
          {scope && `; ${scope}`}.
        </p>
      </section>
      <section>
        <dl class="facts">
          {service.addresses.length > 0 && (
            <Fact name="Addresses">
              {service.addresses.map((a) => (
                <div key={a} class="mono">
                  {isAddress(a) && a.includes(':') ? `[${a}]` : a}:{service.port}
                </div>
              ))}
            </Fact>
          )}
          <Fact name="Protocol">{service.protocol.toUpperCase()}</Fact>
          {service.user && <Fact name="User">{service.user}</Fact>}
          {service.container && <Fact name="Container">{service.container}</Fact>}
          <Fact name="Open now">{plural(service.clients, 'connection')}</Fact>
          <Fact name="Last used">{isUsed(service) ? <Age at={service.last_connection} /> : 'no use seen'}</Fact>
          <Fact name="First seen">
            <Moment at={service.first_seen} />
          </Fact>
          <Fact name="Last seen">
            <Age at={service.last_seen} />
          </Fact>
        </dl>
      </section>
      <PeerList title="Clients" connections={clients} far="client" />
      <PeerList title="Connects to" connections={out} far="server" />
    </>
  );
}

export function ConnectionPanel({ connection: c }: { connection: Connection }) {
  const from = [c.client.node, c.client.process].filter(Boolean).join(' ');
  const to = [c.server.node, serverText(c)].filter(Boolean).join(' ');
  return (
    <>
      <section>
        <Title>
          {from} {c.directed ? '→' : '—'} {to}
        </Title>
        <p class="ink2">
          {c.count === 0 ? 'Nothing is open now.' : `${plural(c.count, 'connection')} open now.`}{' '}
          {c.directed ? '' : 'Which end opened it is not known.'}
        </p>
        {fruitless(c).map((line) => (
          <p key={line} class="warning-text">
            {capital(line)} since <Moment at={c.first_seen} />.
          </p>
        ))}
      </section>
      <section>
        <dl class="facts">
          <Fact name="From">
            <ChartLink to={{ kind: 'node', id: c.client.node }}>{c.client.node}</ChartLink>
          </Fact>
          <Fact name="To">
            <ChartLink to={{ kind: 'node', id: c.server.node }}>{c.server.node}</ChartLink>
          </Fact>
          <Fact name="Protocol">{c.protocol.toUpperCase()}</Fact>
          {c.peers !== undefined && <Fact name="Addresses">{plural(c.peers, 'different address', 'different addresses')}</Fact>}
          <Fact name="First seen">
            <Moment at={c.first_seen} />
          </Fact>
          <Fact name="Last seen">
            <Age at={c.last_seen} />
          </Fact>
        </dl>
      </section>
      <EvidenceSection connection={c} />
    </>
  );
}

/** What the line on the chart rests on, in sentences. */
function EvidenceSection({ connection }: { connection: Connection }) {
  const { evidence, client, server, opened, first_seen } = connection;
  if (!evidence) return null;
  const ends = [
    { end: 'client', node: client.node, address: evidence.client_address, how: evidence.client_resolved },
    { end: 'server', node: server.node, address: evidence.server_address, how: evidence.server_resolved },
  ] as const;
  const last = [...evidence.seen_by].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))[0];
  return (
    <section>
      <h3>What it rests on</h3>
      <p>{evidenceLine(evidence.seen_by)}</p>
      {ends.map(
        (e) =>
          (e.how || (e.address && e.address !== e.node)) && (
            <p key={e.end} class="ink2">
              {e.address ? <code>{e.address}</code> : 'The'} {e.address && 'at the '}
              {resolvedLine(e.end, e.node, e.how, e.address)}
            </p>
          ),
      )}
      {last && (
        <p class="ink2">
          Last reported by {last.node} <Age at={last.at} />.
        </p>
      )}
      <p class="ink2">
        {opened === 0 && 'All opened before dotm looked.'}
        {opened > 0 && (
          <>
            Opened {plural(opened, 'time')} since <Moment at={first_seen} />.
          </>
        )}
      </p>
    </section>
  );
}
