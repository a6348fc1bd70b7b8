import { useApp } from '../app';
import type { ChartNode, Connection, Service } from '../api/types';
import { figure, isAddress, plural, shortMoment } from '../lib/format';
import { others } from '../state/checks';
import { judgeOf } from '../state/health';
import { type Selection, formatRoute, goTo, showNode } from '../state/route';
import { type Topology, byPort, containerName, containersOf, isMany, serviceLabel } from '../state/topology';
import { isUsed, peersOf, scopeWord, split, stateWord } from '../state/words';
import { CheckSection, NodeSign } from './Checks';
import { Fact } from './Fact';
import { QueueFacts, QueueTrouble } from './Health';
import { Icon } from './Icon';
import { Findings, Holders, ReportFacts } from './NodeFacts';
import { lazy } from './Lazy';
import { ServiceList } from './ServiceList';
import { Expand, ManyPanel } from './PoolPanel';
import { NodeName } from './NodeName';
import { ChartLink, PeerList, Questions, SHOWN, Title } from './PanelParts';
import { stateOf } from './shapes';
import { NoteText } from './SidePanel';
import { StateIcon } from './StateIcon';
import { Age, Moment } from './Time';
import { Uses } from './Uses';

/** A selection that the chart does not have: why that may be, and how to see everything. */
export function MissingPanel({ kind }: { kind: Selection['kind'] }) {
  const { route, navigate } = useApp();
  const { level, hide } = route.value;
  const coarse = (level === 'node' || level === 'group') && kind !== 'node';
  const folded = level === 'pool' || level === 'group';
  return (
    <section role="alert">
      <Title>This {kind} is not on the chart.</Title>
      <p class="ink2">
        {coarse && `A chart of ${level}s shows no services. `}
        {folded && 'It may be one of those that a box stands for. '}
        {hide.length > 0 ? 'It is gone from the map, or hidden by the filter.' : 'It is gone from the map.'}
      </p>
      {(coarse || folded || hide.length > 0) && (
        <div>
          <button type="button" onClick={() => navigate({ ...route.value, level: coarse || folded ? 'service' : level, hide: [] })}>
            Show everything
          </button>
        </div>
      )}
    </section>
  );
}

const Declared = lazy(() => import('./Declared').then((m) => m.Declared));

const RoleTools = lazy(() => import('./Roles').then((m) => m.RoleTools));

export function NodePanel({ topology, node }: { topology: Topology; node: ChartNode }) {
  return isMany(node) ? <ManyPanel topology={topology} node={node} /> : <SinglePanel topology={topology} node={node} />;
}

function SinglePanel({ topology, node }: { topology: Topology; node: ChartNode }) {
  const { route, sources, now, prefs } = useApp();
  const services = [...topology.services.values()].filter((s) => s.node === node.name).sort(byPort);
  const { into, out, inside } = split(topology.connections.values(), node.name);
  const state = stateWord(node, (at) => shortMoment(at, now.peek(), prefs.utc.value));
  const inHost = containerName(node);
  return (
    <>
      <section>
        <Title state={<NodeSign node={node} size={22} />}>{(inHost?.container ?? node.known_as) || node.name}</Title>
        {inHost && (
          <p class="ink2">
            <Icon name="container" /> Container on <ChartLink to={{ kind: 'node', id: inHost.host }}>{inHost.host}</ChartLink>, {state}.
          </p>
        )}
        {!inHost && <p class="ink2">{node.this ? `This node, ${node.kind}. It ${state}.` : sentence(node, state)}</p>}
        <a href={formatRoute(showNode(route.value, node.name))}>Open its page</a>
        {(node.kind === 'internet' || node.kind === 'network') && <a href={formatRoute(goTo(route.value, 'geo'))}>Where its addresses are, on the map</a>}
        {mayFail(node) && <Questions of={[node.name]} />}
        {node.pool && topology.level === 'pool' && <Expand pool={node.pool} />}
      </section>
      {node.kind !== 'internet' && node.kind !== 'network' && <CheckSection of={{ node: node.name }} />}
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
          {(node.virtual_addresses ?? []).length > 0 && (
            <Fact name="Has now">
              {(node.virtual_addresses ?? []).map((a) => (
                <div key={a} class="mono">
                  {a}
                </div>
              ))}
            </Fact>
          )}
          <Callers connections={[...into, ...out]} node={node} />
          <ReportFacts node={node} target={null} />
          <Fact name="First seen">
            <Moment at={node.first_seen} />
          </Fact>
          {node.seen_by && node.seen_by.length > 0 && <Fact name="Evidence">{`seen by ${node.seen_by.join(' and ')}, one end only`}</Fact>}
        </dl>
      </section>
      {node.kind === 'virtual' && (
        <section>
          <Holders node={node} />
        </section>
      )}
      {(node.findings ?? []).length > 0 && (
        <section>
          <Findings findings={node.findings} />
        </section>
      )}
      {others(sources.value).length > 0 && <Declared node={node.name} />}
      {(node.notes ?? []).map((note) => (
        <section key={note.code}>
          <NoteText note={note} />
        </section>
      ))}
      {services.length > 0 && <ServiceList topology={topology} services={services} />}
      <ContainerList containers={containersOf(topology, node.name)} />
      <PeerList title="Connects in" connections={into} far="client" />
      <PeerList title="Connects to" connections={out} far="server" />
      <PeerList title="Inside the node" connections={inside} far="server" />
      {topology.lanes && <RoleTools key={node.name} node={node} />}
    </>
  );
}

/** What stands for many does not fail as one. */
function mayFail({ kind }: ChartNode): boolean {
  return kind !== 'internet' && kind !== 'network';
}

/** A service as questions name it: of a pool, that of each member. */
function asked({ nodes }: Topology, { id, node, port, own }: Service): string[] {
  const members = nodes.get(node)?.members;
  if (own) return [];
  return members ? members.map((m) => `${m.name}:${port}`) : [id];
}

/** How many addresses a network stands for. */
function Callers({ connections, node }: { connections: readonly Connection[]; node: ChartNode }) {
  if (node.kind !== 'network' && node.kind !== 'internet') return null;
  const peers = peersOf(connections);
  return peers > 0 ? <Fact name="Stands for">{`at least ${plural(peers, 'address', 'addresses')}`}</Fact> : null;
}

function sentence(node: ChartNode, state: string): string {
  if (node.kind === 'internet') return 'Every address outside the internal networks.';
  if (node.kind === 'network') return 'Many addresses that do not report, drawn as one.';
  if (node.kind === 'virtual') return 'An address that moves between nodes, or sits on several at once.';
  const kind = node.kind === 'inferred' ? 'Node' : node.kind.charAt(0).toUpperCase() + node.kind.slice(1);
  return `${kind}, ${state}.`;
}

/** The containers of a host that are nodes themselves. */
function ContainerList({ containers }: { containers: readonly ChartNode[] }) {
  if (containers.length === 0) return null;
  const rest = containers.length - SHOWN;
  return (
    <section>
      <div class="section-head">
        <h3>Containers</h3>
        <span>{figure(containers.length)}</span>
      </div>
      <ul class="list">
        {containers.slice(0, SHOWN).map((n) => (
          <li key={n.name}>
            <ChartLink to={{ kind: 'node', id: n.name }}>
              <Icon name="container" />
              <span class="name">{containerName(n)?.container}</span>
              <span class="mono">{n.addresses[0] ?? ''}</span>
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
  const { now } = useApp();
  const troubled = judgeOf(topology, now.value).service(service).length > 0;
  return (
    <>
      <section>
        <Title state={<StateIcon state={stateOf(service, troubled)} size={22} />}>{serviceLabel(service)}</Title>
        <p class="ink2">
          {service.state === 'gone' ? 'Stopped listening on ' : service.state === 'seen' ? 'Seen from its clients, on ' : 'Listens on '}
          <ChartLink to={{ kind: 'node', id: service.node }}>
            <NodeName name={service.node} />
          </ChartLink>
          {scope && `; ${scope}`}.
        </p>
        <QueueTrouble topology={topology} service={service} />
        <Questions of={asked(topology, service)} />
      </section>
      <CheckSection of={{ service: service.id }} />
      <section>
        <dl class="facts">
          {(service.addresses ?? []).length > 0 && (
            <Fact name="Addresses">
              {(service.addresses ?? []).map((a) => (
                <div key={a} class="mono">
                  {isAddress(a) && a.includes(':') ? `[${a}]` : a}:{service.port}
                </div>
              ))}
            </Fact>
          )}
          <Fact name="Protocol">{service.protocol.toUpperCase()}</Fact>
          {service.process && <Fact name="Process">{service.process}</Fact>}
          {service.user && <Fact name="User">{service.user}</Fact>}
          {service.unit && <Fact name="Unit">{service.unit}</Fact>}
          {service.container && (
            <Fact name="Container">
              {service.container}
              {service.image && <div class="ink3">{service.image}</div>}
            </Fact>
          )}
          {service.pod && <Fact name="Pod">{service.pod}</Fact>}
          <QueueFacts service={service} />
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
      <Uses service={service} />
      <PeerList title="Connects to" connections={out} far="server" />
    </>
  );
}
