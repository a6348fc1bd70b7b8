import { useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Hidden, HideKind, Level } from '../api/types';
import { figure } from '../lib/format';
import { endMoving } from './moves';
import { NO_EXPORT } from '../state/export';
import { HIDE_KINDS } from '../state/route';
import { Confirm } from './Dialog';
import { FilterMenu, TroubleSwitch } from './Filter';
import { lazy } from './Lazy';
import { Popup } from './Popup';

const Formats = lazy(() => import('./Export').then((m) => m.Formats));

/** The kinds the filter can leave out: as counted, as chosen, and what they are. */
const KINDS = [
  { kind: 'ignored', word: 'ignored', title: 'Hide ignored', help: 'Ports and names that the settings ignore' },
  { kind: 'infrastructure', word: 'of dotm itself', title: 'Hide dotm itself', help: 'dotm’s own services and connections' },
  { kind: 'old', word: 'old', title: 'Hide old', help: 'Connections with nothing open for longer than the ageing limit, and services that are gone' },
  { kind: 'observers', word: 'of observers', title: 'Hide observers', help: 'Clients that touch many nodes, briefly: monitoring, health checks, scanners' },
] as const satisfies readonly { kind: HideKind; word: string; title: string; help: string }[];

/** `2 ignored, 4 of dotm itself, 1 old`: what is hidden and why; `nothing` when nothing is. */
export function hiddenLine(hidden: Hidden): string {
  const counted = KINDS.filter(({ kind }) => hidden[kind] > 0).map(({ kind, word }) => `${figure(hidden[kind])} ${word}`);
  return counted.join(', ') || 'nothing';
}

const LEVELS: readonly (readonly [Level, string])[] = [
  ['group', 'Groups'],
  ['pool', 'Pools'],
  ['node', 'Nodes'],
  ['service', 'Services'],
];

/** How the chart is looked at: level, filter, table twin, fit. */
export function ToolRow() {
  const { route, navigate, chart } = useApp();
  const { level, table } = route.value;
  return (
    <div class="tools" role="toolbar" aria-label="Chart">
      <div class="segments" role="group" aria-label="Level">
        {LEVELS.map(([value, title]) => (
          <button
            key={value}
            type="button"
            aria-pressed={level === value}
            onClick={() => navigate({ ...route.value, level: value })}
          >
            {title}
          </button>
        ))}
      </div>
      <TroubleSwitch />
      <FilterMenu />
      <HideMenu />
      <ObserverSwitch />
      <span class="gap" />
      <ExportMenu />
      <button type="button" class="plain" aria-pressed={table !== ''} onClick={() => navigate({ ...route.value, table: table ? '' : 'connections' })}>
        {table ? 'Chart' : 'Table'}
      </button>
      {!table && <Arrange />}
      {!table && (
        <button type="button" class="plain fit" onClick={() => chart.fit()}>
          Fit
        </button>
      )}
    </div>
  );
}

/** The chart as a file: a picture, a graph, a document, a table. */
function ExportMenu() {
  const { exporting } = useApp();
  return (
    <Popup class="export-menu" title="Export" label="Save the chart as a file" open={exporting.value.open} onOpen={(open) => (exporting.value = { ...NO_EXPORT, open })}>
      <Formats />
    </Popup>
  );
}

/** What people may do to the places of boxes: all anew, or one by hand. */
function Arrange() {
  const app = useApp();
  const { route, session, client, chart, moving, shown } = app;
  const [asking, setAsking] = useState(false);
  const { level, at } = route.value;
  if (!session.mayChange.value || at || !shown.value?.lanes) return null;
  const tidy = async (): Promise<void> => {
    chart.soften();
    await client.tidy(level);
  };
  return (
    <>
      <button
        type="button"
        class="plain arrange"
        aria-pressed={moving.value}
        title="Drag boxes to where they shall stand, or carry the selected one with arrows. Alt and drag does so at any time."
        onClick={() => (moving.value ? endMoving(app) : (moving.value = true))}
      >
        Move boxes
      </button>
      <button type="button" class="plain arrange" onClick={() => setAsking(true)}>
        Tidy
      </button>
      {asking && (
        <Confirm title="Place all boxes anew?" action="Tidy the chart" run={tidy} onClose={() => setAsking(false)}>
          The chart of {level}s is arranged again for everyone who looks at it, so that its lines cross less. Boxes that people put somewhere stay there. Otherwise boxes never move.
        </Confirm>
      )}
    </>
  );
}

/** Observers are drawn on demand: they touch everything and mean nothing. */
function ObserverSwitch() {
  const { route, navigate, feed } = useApp();
  const { hide } = route.value;
  const shown = !hide.includes('observers');
  const count = feed.topology.value?.hidden.observers ?? 0;
  const toggle = (): void => {
    navigate({ ...route.value, hide: HIDE_KINDS.filter((k) => (k === 'observers' ? shown : hide.includes(k))) }, true);
  };
  return (
    <button
      type="button"
      class="plain observers"
      aria-pressed={shown}
      title="Monitoring, health checks and scanners: clients that touch many nodes, briefly. They are drawn dotted, and count for nothing."
      onClick={toggle}
    >
      Observers{!shown && count > 0 && <span class="ink3"> {figure(count)}</span>}
    </button>
  );
}

/** What the filter leaves out, and how much that is; the choice is part of the link. */
function HideMenu() {
  const { route, navigate, feed } = useApp();
  const [open, setOpen] = useState(false);
  const { hide } = route.value;
  const hidden = feed.topology.value?.hidden;
  const toggle = (kind: HideKind): void => {
    const next = hide.includes(kind) ? hide.filter((k) => k !== kind) : HIDE_KINDS.filter((k) => k === kind || hide.includes(k));
    navigate({ ...route.value, hide: next }, true);
  };
  return (
    <Popup
      label="Leave out of the chart"
      open={open}
      onOpen={setOpen}
      title={
        <span title={hidden ? hiddenLine(hidden) : 'nothing'}>
          <span class="short">Hidden: {hidden ? figure(hidden.services + hidden.connections) : 0}</span>
          <span class="long">Hidden: {hidden ? hiddenLine(hidden) : 'nothing'}</span>
        </span>
      }
    >
      {KINDS.map(({ kind, title, help }) => (
        <label key={kind} class="option">
          <input type="checkbox" checked={hide.includes(kind)} onChange={() => toggle(kind)} />
          <span>
            <span>{title}</span>
            <span class="small ink3">{help}</span>
          </span>
          {hidden && hidden[kind] > 0 && <b class="count">{figure(hidden[kind])}</b>}
        </label>
      ))}
    </Popup>
  );
}
