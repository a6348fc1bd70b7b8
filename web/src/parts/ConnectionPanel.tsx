import { useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Connection, Service } from '../api/types';
import { plural } from '../lib/format';
import { type Topology, knownAs } from '../state/topology';
import { confirmedLine, evidenceLine, resolvedLine } from '../state/words';
import { serverText } from './columns';
import { Command } from './Command';
import { Fact } from './Fact';
import { HealthSection } from './Health';
import { NodeName } from './NodeName';
import { ChartLink, Title } from './PanelParts';
import { Age, Moment } from './Time';

/** The panel of a selected connection. */
export function ConnectionPanel({ topology, connection: c }: { topology: Topology; connection: Connection }) {
  const named = knownAs(topology);
  const from = [named(c.client.node), c.client.process].filter(Boolean).join(' ');
  const to = [named(c.server.node), serverText(c)].filter(Boolean).join(' ');
  return (
    <>
      <section>
        <Title>
          <span class="end">{from}</span> {c.directed ? '→' : '—'} <span class="end">{to}</span>
        </Title>
        <p class="ink2">
          {c.count === 0 ? 'Nothing is open now.' : `${plural(c.count, 'connection')} open now.`}{' '}
          {c.directed ? '' : 'Which end opened it is not known.'}
          {c.observer && ' Its client looks at many nodes, briefly: an observer, which counts for nothing else.'}
        </p>
      </section>
      <HealthSection topology={topology} connection={c} />
      <section>
        <dl class="facts">
          <Fact name="From">
            <ChartLink to={{ kind: 'node', id: c.client.node }}>
              <NodeName name={c.client.node} />
            </ChartLink>
            <Runs in={c.client} node={c.client.node} />
          </Fact>
          <Fact name="To">
            <ChartLink to={{ kind: 'node', id: c.server.node }}>
              <NodeName name={c.server.node} />
            </ChartLink>
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
  const last = [...(evidence.seen_by ?? [])].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))[0];
  return (
    <section>
      <h3>What it rests on</h3>
      <p>
        {evidenceLine(evidence.seen_by)} {confirmedLine(evidence)}
      </p>
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
      <Explained connection={connection} />
    </section>
  );
}

/** An end as `dotm explain` takes it. */
function endText(node: string, detail: string): string {
  return detail ? `${node}:${detail}` : node;
}

/** All of it in the server’s own sentences, once somebody asks; and the command that says the same. */
function Explained({ connection: { id, client, server } }: { connection: Connection }) {
  const { client: api } = useApp();
  const [text, setText] = useState<readonly string[] | null>(null);
  const asked = useRef(false);
  const ends = [endText(client.node, client.process), endText(server.node, server.port ? String(server.port) : '')] as const;
  const ask = (open: boolean): void => {
    if (!open || asked.current) return;
    asked.current = true;
    api.explain(...ends).then(
      (e) => setText(e.text),
      (error: unknown) => {
        asked.current = false;
        setText([problemOf(error).detail ?? problemOf(error).title]);
      },
    );
  };
  return (
    <details key={id} onToggle={(event) => ask(event.currentTarget.open)}>
      <summary>Everything that is known of it</summary>
      {text?.map((line) => <p key={line}>{line}</p>)}
      <Command text={`dotm explain ${ends.map(quoted).join(' ')}`} />
    </details>
  );
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w.:@/%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
