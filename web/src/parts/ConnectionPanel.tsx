import type { Connection, Service } from '../api/types';
import { plural } from '../lib/format';
import type { Topology } from '../state/topology';
import { evidenceLine, resolvedLine } from '../state/words';
import { serverText } from './columns';
import { Fact } from './Fact';
import { HealthSection } from './Health';
import { ChartLink, Title } from './PanelParts';
import { Age, Moment } from './Time';

/** The panel of a selected connection. */
export function ConnectionPanel({ topology, connection: c }: { topology: Topology; connection: Connection }) {
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
      </section>
      <HealthSection topology={topology} connection={c} />
      <section>
        <dl class="facts">
          <Fact name="From">
            <ChartLink to={{ kind: 'node', id: c.client.node }}>{c.client.node}</ChartLink>
            <Runs in={c.client} node={c.client.node} />
          </Fact>
          <Fact name="To">
            <ChartLink to={{ kind: 'node', id: c.server.node }}>{c.server.node}</ChartLink>
            <Runs in={topology.services.get(c.server.service)} node={c.server.node} />
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

/** The unit and the container of an end; a container that is its node has been named already. */
function Runs({ in: end, node }: { in: Pick<Service, 'unit' | 'container'> | undefined; node: string }) {
  const container = end?.container && !node.endsWith(`/${end.container}`) ? end.container : '';
  const text = [container, end?.unit].filter(Boolean).join(', ');
  return text ? <div class="ink3">{text}</div> : null;
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
