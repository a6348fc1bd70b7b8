import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Note } from '../api/types';
import { type Route, type Selection, formatRoute, sameHide, showList } from '../state/route';
import type { Topology } from '../state/topology';
import { coverageLine, headline, missing, nodeLine, ONE_SIDED, silentNodes } from '../state/words';
import { Command, HintText } from './Command';
import { ConnectionPanel } from './ConnectionPanel';
import { Icon } from './Icon';
import { Legend } from './Legend';
import { MissingPanel, NodePanel, ServicePanel } from './Selected';
import { StateIcon } from './StateIcon';

/** What is selected, or how things stand. On narrow screens a sheet from below. */
export function SidePanel() {
  const { feed, route, prefs } = useApp();
  const [folded, setFolded] = useState(true);
  const topology = feed.topology.value;
  if (!topology || !prefs.panel.value) return null;
  const selected = selectedPanel(topology, route.value.selection) ?? missingPanel(topology, route.value);
  return (
    <aside class={`panel${folded && !selected ? ' folded' : ''}`} aria-label={selected ? 'Selection' : 'Overview'}>
      {!selected && (
        <button type="button" class="sheet-handle" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
          {folded ? headline(topology.coverage) : 'Overview'}
          <Icon name={folded ? 'up' : 'down'} />
        </button>
      )}
      <div class="panel-scroll">{selected ?? <QuietPanel topology={topology} />}</div>
      {!selected && <Legend topology={topology} />}
    </aside>
  );
}

function selectedPanel(topology: Topology, selection: Selection | null): ComponentChildren | null {
  if (!selection) return null;
  const { kind, id } = selection;
  if (kind === 'node') {
    const node = topology.nodes.get(id);
    return node ? <NodePanel key={id} topology={topology} node={node} /> : null;
  }
  if (kind === 'service') {
    const service = topology.services.get(id);
    return service ? <ServicePanel key={id} topology={topology} service={service} /> : null;
  }
  const connection = topology.connections.get(id);
  return connection ? <ConnectionPanel key={id} topology={topology} connection={connection} /> : null;
}

/** A link may name what the chart has not; while the chart asked for is still on its way nobody knows. */
function missingPanel(topology: Topology, { selection, level, hide }: Route): ComponentChildren | null {
  if (!selection || topology.level !== level || !sameHide(topology.hide, hide)) return null;
  return <MissingPanel kind={selection.kind} />;
}

/** Nothing is selected: who reports, who is missing, what would show more. */
function QuietPanel({ topology }: { topology: Topology }) {
  const { version } = useApp();
  const home = [...topology.nodes.values()].find((n) => n.this);
  const stale = [...topology.nodes.values()].filter((n) => n.state === 'stale');
  return (
    <>
      <section>
        <h2>{headline(topology.coverage)}</h2>
        <p class="lead">{missing(topology)}</p>
        <p class="small ink3 covered" title={ONE_SIDED}>
          {coverageLine(topology.coverage)}
        </p>
      </section>
      {home && home.state === 'reporting' && (
        <section>
          <div class="fact">
            <StateIcon state="OK" size={16} silent />
            <div>
              <b>This node reports</b>
              <span class="ink2">{nodeLine(topology, home.name)}</span>
            </div>
          </div>
        </section>
      )}
      <Suggested />
      {stale.length > 0 && (
        <section>
          <h3>Not reporting</h3>
          <p class="ink2">{stale.map((n) => n.name).join(', ')}</p>
        </section>
      )}
      {(home?.notes ?? []).map((note) => (
        <section key={note.code}>
          <NoteText note={note} />
        </section>
      ))}
      {version.value?.loopback && (
        <section>
          <b>Other hosts cannot reach this dotm yet.</b>
          <span class="ink2">
            It listens on <code>{version.value.listen}</code>. To serve others, with encryption and a login, run:
          </span>
          <Command text="dotm serve --listen :4849" />
        </section>
      )}
    </>
  );
}

/** Where nodes are added. */
function Suggested() {
  const { feed, route } = useApp();
  const topology = feed.topology.value;
  if (!topology || silentNodes(topology).length === 0) return null;
  return (
    <section>
      <a href={formatRoute(showList(route.value, 'suggestions'))}>Who could report, and how</a>
    </section>
  );
}

/** What limits the view of a node, and what would lift the limit. */
export function NoteText({ note }: { note: Note }) {
  return (
    <div>
      <b>{note.text}</b>
      {note.hint && <HintText hint={note.hint} />}
    </div>
  );
}
