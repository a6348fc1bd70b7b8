import type { ComponentChildren } from 'preact';
import { useApp } from '../app';
import type { Connection } from '../api/types';
import { figure, plural } from '../lib/format';
import { judgeOf } from '../state/health';
import { MOST_OF, type Selection, ask, formatRoute, showOnChart } from '../state/route';
import { serverText } from './columns';
import { Icon } from './Icon';
import { NodeName } from './NodeName';
import { TroubleText } from './Signal';

/** So many of a list are shown; the rest is counted. */
export const SHOWN = 8;

/** The head of the panel, with the button that closes it. */
export function Title({ children, state }: { children: ComponentChildren; state?: ComponentChildren }) {
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

/** Selects on the chart. */
export function ChartLink({ to, children }: { to: Selection; children: ComponentChildren }) {
  const { route } = useApp();
  return <a href={formatRoute(showOnChart(route.value, to))}>{children}</a>;
}

/** The two questions about a failure of these; of too many at once, none. */
export function Questions({ of }: { of: readonly string[] }) {
  const { route } = useApp();
  if (of.length === 0 || of.length > MOST_OF) return null;
  return (
    <div class="questions">
      <a href={formatRoute(ask(route.value, 'fails', of))}>What if this fails?</a>
      <a href={formatRoute(ask(route.value, 'needs', of))}>Who needs this?</a>
    </div>
  );
}

interface PeerProps {
  title: string;
  connections: readonly Connection[];
  /** Which end is the other one. */
  far: 'client' | 'server';
}

/** Connections of a node or service, by their other ends. */
export function PeerList({ title, connections, far }: PeerProps) {
  const { feed, now, signals } = useApp();
  if (connections.length === 0) return null;
  const judge = judgeOf(feed.topology.value, now.value, signals.value);
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
                <NodeName name={c[far].node} />{' '}
                <span class="ink3">{far === 'client' ? c.client.process || `to ${serverText(c)}` : serverText(c)}</span>
              </span>
              <TroubleText troubles={judge.connection(c)} />
              <span class={c.status === 'old' ? 'ink3' : ''}>{c.status === 'old' ? 'old' : figure(c.count)}</span>
            </ChartLink>
          </li>
        ))}
      </ul>
      {rest > 0 && <span class="ink3">and {plural(rest, 'more', 'more')}</span>}
    </section>
  );
}
