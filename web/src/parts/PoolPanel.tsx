import type { ChartNode, Member } from '../api/types';
import { useApp } from '../app';
import { figure, plural } from '../lib/format';
import { openOf, severity, signOf } from '../state/checks';
import { useResource } from '../state/resource';
import { formatRoute, showNode, unfold } from '../state/route';
import { type Topology, byPort, knownAs } from '../state/topology';
import { awayWord, split } from '../state/words';
import { NodeSign } from './Checks';
import { lazy } from './Lazy';
import { ChartLink, PeerList, Questions, Title } from './PanelParts';
import { ServiceList } from './ServiceList';
import { shapeOf } from './shapes';
import { StateIcon } from './StateIcon';

const RoleTools = lazy(() => import('./Roles').then((m) => m.RoleTools));

/** So many members are listed; the rest is counted. */
const MOST = 40;

const names = new Intl.Collator('en', { numeric: true });

/** Those in trouble first, then as people count. */
function byTrouble(a: Member, b: Member): number {
  return severity(openOf(b)) - severity(openOf(a)) || severity(b.status) - severity(a.status) || names.compare(a.name, b.name);
}

/** How many of a pool or group are in trouble, in words. */
export function membersLine(members: readonly Member[]): string {
  const open = members.filter((m) => openOf(m) !== 'NONE').length;
  const silent = members.filter((m) => m.state === 'stale' || m.state === 'stopped').length;
  const left = members.filter((m) => m.state === 'left' || m.state === 'rebooting').length;
  const said = [
    ...(open > 0 ? [`${figure(open)} of ${figure(members.length)} in trouble`] : []),
    ...(silent > 0 ? [`${plural(silent, 'node')} ${silent === 1 ? 'does' : 'do'} not report`] : []),
    ...(left > 0 ? [`${figure(left)} shut down`] : []),
  ];
  return said.length > 0 ? `${said.join(', ')}.` : `${plural(members.length, 'node')}, none in trouble.`;
}

/** A pool or group: what it stands for, what it serves, and who calls whom. */
export function ManyPanel({ topology, node }: { topology: Topology; node: ChartNode }) {
  const members = node.members ?? [];
  const services = [...topology.services.values()].filter((s) => s.node === node.name).sort(byPort);
  const { into, out, inside } = split(topology.connections.values(), node.name);
  const group = topology.lanes?.find((l) => l.id !== '' && l.id === node.group)?.title;
  return (
    <>
      <section>
        <Title state={<NodeSign node={node} size={22} />}>
          {knownAs(topology)(node.name)} <span class="ink3">×{figure(members.length)}</span>
        </Title>
        <p class="ink2">
          {node.kind === 'pool' ? 'Nodes of one role' : 'What belongs together'}
          {group ? `, in ${group}` : ''}
          {node.shared ? ', a shared service' : ''}. {membersLine(members)}
        </p>
        <Questions of={members.map((m) => m.name)} />
        {node.kind === 'pool' && <Expand pool={node.name} />}
      </section>
      <MemberList topology={topology} members={members} />
      {services.length > 0 && <ServiceList topology={topology} services={services} />}
      <PeerList title="Connects in" connections={into} far="client" />
      <PeerList title="Connects to" connections={out} far="server" />
      <PeerList title={`Inside the ${node.kind}`} connections={inside} far="server" />
      <RoleTools key={node.name} node={node} />
    </>
  );
}

/** A pool whose members stand on the chart in its place. */
export function OpenPoolPanel({ topology, pool }: { topology: Topology; pool: string }) {
  const { client } = useApp();
  const members = [...topology.nodes.values()].filter((n) => n.pool === pool);
  // The chart has no box of it that would tell its name.
  const { data } = useResource(`pool ${pool}`, String(members.length), (s) => client.roles(s));
  const known = data?.pools?.find((p) => p.id === pool);
  const group = topology.lanes?.find((l) => l.id !== '' && l.id === known?.group)?.title;
  return (
    <>
      <section>
        <Title>
          {known?.name ?? 'Pool'} <span class="ink3">×{figure(members.length)}</span>
        </Title>
        <p class="ink2">
          Expanded pool{group ? `, in ${group}` : ''}: its members stand on the chart in its place. {membersLine(members)}
        </p>
        <Expand pool={pool} />
      </section>
      <MemberList topology={topology} members={members} />
    </>
  );
}

/** Shows a pool's members in its place, or the pool in theirs. */
export function Expand({ pool }: { pool: string }) {
  const { route, navigate, chart } = useApp();
  const open = route.value.expand.includes(pool);
  const next = unfold(route.value, pool);
  return (
    <div>
      <button
        type="button"
        onClick={() => {
          chart.soften();
          navigate({ ...next, table: '', selection: { kind: 'node', id: pool } });
        }}
      >
        {open ? 'Fold into one box' : 'Expand in place'} <kbd>Space</kbd>
      </button>
    </div>
  );
}

function MemberList({ topology, members }: { topology: Topology; members: readonly Member[] }) {
  const { route } = useApp();
  const shown = [...members].sort(byTrouble).slice(0, MOST);
  const rest = members.length - shown.length;
  return (
    <section>
      <div class="section-head">
        <h3>Members</h3>
        <span>{figure(members.length)}</span>
      </div>
      <ul class="list">
        {shown.map((m) => (
          <li key={m.name}>
            {topology.nodes.has(m.name) ? (
              <ChartLink to={{ kind: 'node', id: m.name }}>
                <MemberLine member={m} />
              </ChartLink>
            ) : (
              <a href={formatRoute(showNode(route.value, m.name))}>
                <MemberLine member={m} />
              </a>
            )}
          </li>
        ))}
      </ul>
      {rest > 0 && <span class="ink3">and {plural(rest, 'more', 'more')}</span>}
    </section>
  );
}

function MemberLine({ member }: { member: Member }) {
  return (
    <>
      <StateIcon state={shapeOf(signOf(member))} />
      <span class="name">{member.name}</span>
      {member.state !== 'reporting' && <span class="ink3">{awayWord(member.state)}</span>}
    </>
  );
}
