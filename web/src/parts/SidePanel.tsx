import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Note, Version } from '../api/types';
import { longSpan, plural } from '../lib/format';
import { UNREAD, monitors, others } from '../state/checks';
import { judgeOf, suspectsOf } from '../state/health';
import { useResource } from '../state/resource';
import { type Route, type Selection, formatRoute, sameHide, showList } from '../state/route';
import type { Topology } from '../state/topology';
import type { Trace } from '../state/trace';
import { coverageLine, headline, missing, nodeLine, ONE_SIDED, silentNodes } from '../state/words';
import { OpenAlerts } from './Checks';
import type { Chosen } from './chosen';
import { Command, HintText } from './Command';
import { ConnectionPanel } from './ConnectionPanel';
import { Icon } from './Icon';
import { lazy } from './Lazy';
import { OpenIncidents } from './OpenIncidents';
import { OpenPoolPanel } from './PoolPanel';
import { MissingPanel, NodePanel, ServicePanel } from './Selected';
import { StateIcon } from './StateIcon';

const Legend = lazy(() => import('./Legend').then((m) => m.Legend));
const IncidentPanel = lazy(() => import('./IncidentPanel').then((m) => m.IncidentPanel));
const WhatIfPanel = lazy(() => import('./WhatIf').then((m) => m.WhatIfPanel));
const FirstRun = lazy(() => import('./FirstRun').then((m) => m.FirstRun));
const ChangedToday = lazy(() => import('./Changed').then((m) => m.ChangedToday));
const GonePanel = lazy(() => import('./Gone').then((m) => m.GonePanel));
const SourceButtons = lazy(() => import('./FirstRun').then((m) => m.SourceButtons));

/** Whether only this node reports, or none does: then the panel says how the others come. */
function isFirstRun({ coverage, nodes }: Topology): boolean {
  const { reporting, stale } = coverage;
  return reporting + stale === 0 || (reporting + stale === 1 && [...nodes.values()].some((n) => n.this));
}

interface PanelProps {
  /** What the chart's path is about, and the path; of none, nothing is said. */
  chosen?: Chosen | null;
  trace?: Trace | null;
}

/** What the chart's path is about; null where it shows none. */
function pathPanel({ question, incident }: Route, { chosen = null, trace = null }: PanelProps): ComponentChildren | null {
  if (question) return <WhatIfPanel />;
  return incident && chosen ? <IncidentPanel chosen={chosen.incident} trace={trace} /> : null;
}

/** What is selected, what the chart's path is about, or how things stand. On narrow screens a sheet from below. */
export function SidePanel({ chosen = null, trace = null }: PanelProps) {
  const { shown, route, prefs, wall, version } = useApp();
  const [folded, setFolded] = useState(true);
  const topology = shown.value;
  const { question } = route.value;
  // What somebody asks they want to read.
  useEffect(() => setFolded(question === ''), [question]);
  if (!topology || !prefs.panel.value) return null;
  const selected = selectedPanel(topology, route.value.selection) ?? missingPanel(topology, route.value);
  const path = selected ? null : pathPanel(route.value, { chosen, trace });
  const first = !selected && !path && !route.value.selection && !wall && !route.value.at && !isMade(version.value?.data) && isFirstRun(topology);
  return (
    <aside class={`panel${folded && !selected ? ' folded' : ''}${first ? ' first' : ''}`} aria-label={selected ? 'Selection' : path ? 'Path of trouble' : 'Overview'}>
      {!selected && (
        <button type="button" class="sheet-handle" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
          <span>{path ? (chosen?.incident.data?.title ?? 'If this fails') : folded ? headline(topology.coverage) : 'Overview'}</span>
          <Icon name={folded ? 'up' : 'down'} />
        </button>
      )}
      <div class="panel-scroll">{selected ?? path ?? (first ? <FirstRun topology={topology} /> : <QuietPanel topology={topology} />)}</div>
      {!selected && <Legend topology={topology} trace={trace} />}
    </aside>
  );
}

function selectedPanel(topology: Topology, selection: Selection | null): ComponentChildren | null {
  if (!selection) return null;
  const { kind, id } = selection;
  if (kind === 'node') {
    const node = topology.nodes.get(id);
    if (node) return <NodePanel key={id} topology={topology} node={node} />;
    const ghost = topology.gone?.boxes.find((g) => g.name === id);
    if (ghost) return <GonePanel key={id} ghost={ghost} connections={topology.gone?.connections ?? []} />;
    return [...topology.nodes.values()].some((n) => n.pool === id) && topology.level === 'pool' ? <OpenPoolPanel key={id} topology={topology} pool={id} /> : null;
  }
  if (kind === 'service') {
    const service = topology.services.get(id);
    return service ? <ServicePanel key={id} topology={topology} service={service} /> : null;
  }
  const connection = topology.connections.get(id) ?? topology.gone?.connections.find((c) => c.id === id);
  return connection ? <ConnectionPanel key={id} topology={topology} connection={connection} /> : null;
}

/** A link may name what the chart has not; while the chart asked for is still on its way nobody knows. */
function missingPanel(topology: Topology, { selection, level, hide }: Route): ComponentChildren | null {
  if (!selection || topology.level !== level || !sameHide(topology.hide, hide)) return null;
  return <MissingPanel kind={selection.kind} />;
}

/** Nothing is selected: who reports, who is missing, what would show more. */
function QuietPanel({ topology }: { topology: Topology }) {
  const { incidents, route, version, wall } = useApp();
  const home = [...topology.nodes.values()].find((n) => n.this);
  const stale = [...topology.nodes.values()].filter((n) => n.state === 'stale' || n.state === 'stopped');
  return (
    <>
      <OpenIncidents />
      <section>
        <Standing topology={topology} />
        <p class="small ink3 covered" title={ONE_SIDED}>
          {coverageLine(topology.coverage)}
        </p>
      </section>
      <OpenAlerts />
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
      {!wall && <Suggested />}
      {!wall && <NoMonitoring />}
      {stale.length > 0 && (
        <section>
          <h3>Not reporting</h3>
          <p class="ink2">{stale.map((n) => n.name).join(', ')}</p>
        </section>
      )}
      <HomeNotes topology={topology} />
      {!wall && !route.value.at && incidents.value.length === 0 && <ChangedToday />}
      {version.value?.loopback && !wall && !isMade(version.value.data) && (
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

/** Whether what is shown is not the site's own. */
function isMade(data: Version['data']): boolean {
  return data === 'demo' || data === 'replay';
}

/** How things stand, in a title and a sentence: that all is quiet is said only where somebody would tell otherwise. */
function Standing({ topology }: { topology: Topology }) {
  const { alerts, sources, now } = useApp();
  const { connections, services } = useMemo(() => suspectsOf(topology), [topology]);
  const judge = judgeOf(topology, connections.length + services.length > 0 ? now.value : 0);
  const ill = connections.some((c) => judge.connection(c).length > 0) || services.some((s) => judge.service(s).length > 0);
  const told = sources.value.some(monitors) && sources.value.every((s) => s.state === 'ok');
  const reports = headline(topology.coverage);
  if (ill || !told || alerts.value.length > 0 || topology.coverage.stale > 0) {
    return (
      <>
        <h2>{reports}</h2>
        <p class="lead">{missing(topology)}</p>
      </>
    );
  }
  const checks = others(sources.value).reduce((n, s) => n + s.checks, 0);
  return (
    <>
      <h2 class="quiet">
        <StateIcon state="OK" size={22} silent /> All quiet
      </h2>
      <p class="lead">
        No alert is open<QuietSince />. {reports} {plural(checks, 'check')} {checks === 1 ? 'is' : 'are'} read.
      </p>
    </>
  );
}

/** How long that has been so, if a check said anything else in the last 30 days. */
function QuietSince() {
  const { client, alerts, now, route } = useApp();
  const { at } = route.value;
  const { data } = useResource(`quiet ${at}`, String(alerts.value.length), (s) => client.events({ from: '-720h', to: at, subject: 'check', limit: 1 }, s));
  const last = data?.events[0]?.at;
  return last ? <>, and nothing changed for {longSpan(Math.max(0, (at ? Date.parse(at) : now.value) - Date.parse(last)))}</> : null;
}

/** Nobody is asked how things are: what that leaves out, and the ways to change it. */
function NoMonitoring() {
  const { sources, route } = useApp();
  if (sources.value === UNREAD || others(sources.value).length > 0 || route.value.at) return null;
  return (
    <section>
      <b>No check tells us more than the sockets do.</b>
      <p class="ink2">With monitoring connected, every check sits on the service it is about.</p>
      <SourceButtons />
    </section>
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

/** What limits what this node sees. */
export function HomeNotes({ topology }: { topology: Topology }) {
  const home = [...topology.nodes.values()].find((n) => n.this);
  return (
    <>
      {(home?.notes ?? []).map((note) => (
        <section key={note.code}>
          <NoteText note={note} />
        </section>
      ))}
    </>
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
