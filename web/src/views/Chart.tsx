import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type App, useApp } from '../app';
import { type OneLane, downOf, firstLane, laneOfBox, lanesOf } from '../chart/down';
import { listen } from '../chart/gestures';
import { readPalette } from '../chart/palette';
import type { renewScene } from '../chart/renew';
import { type Hit, type Scene, buildScene } from '../chart/scene';
import { placeOf, step } from '../chart/walk';
import { Icon } from '../parts/Icon';
import { FilterLine } from '../parts/Filter';
import { LaneBar } from '../parts/LaneBar';
import { lazy } from '../parts/Lazy';
import { NARROW, useNarrow } from '../parts/narrow';
import { Notice } from '../parts/Notice';
import { SidePanel } from '../parts/SidePanel';
import { ToolRow } from '../parts/ToolRow';
import { capital, plural } from '../lib/format';
import { countsLine } from '../state/compare';
import { type Chosen, useChosen, useTrace } from '../parts/chosen';
import { type Kept, formatFilter, keptBy } from '../state/filter';
import { beforeGone } from '../state/gone';
import { isTooMany } from '../state/around';
import { judgeOf } from '../state/health';
import { useResource } from '../state/resource';
import { endMoving, mayMove, moveBox } from '../parts/moves';
import { type Selection, ask, showOnChart, unfold } from '../state/route';
import { type Topology, selectedNode } from '../state/topology';
import type { Trace } from '../state/trace';
import { countInside, isMute } from '../state/words';

const ChartTable = lazy(() => import('./Twin').then((m) => m.ChartTable));
const DriftLine = lazy(() => import('../parts/DriftLine').then((m) => m.DriftLine));
const Minimap = lazy(() => import('../parts/Minimap').then((m) => m.Minimap));
const TooMany = lazy(() => import('../parts/TooMany').then((m) => m.TooMany));
const Scrubber = lazy(() => import('../parts/Scrubber').then((m) => m.Scrubber));

/** The start page: the chart or its table twin, tools above, panel beside. */
export function ChartView() {
  const { route, shown, wall } = useApp();
  const narrow = useNarrow();
  useGone();
  const kept = useKept();
  const chosen = useChosen();
  const trace = useTrace(shown.value, chosen);
  return (
    <div class="body">
      <div class="main">
        <ToolRow />
        {route.value.table ? <ChartTable kept={kept} /> : <Stage kept={kept} chosen={chosen} trace={trace} />}
        {!wall && !narrow && <div class="foot-place">{shown.value && <Scrubber />}</div>}
      </div>
      <SidePanel chosen={chosen} trace={trace} />
    </div>
  );
}

/** Reads what vanished while the places of what is gone are kept: what it was connected to. */
function useGone(): void {
  const { client, feed, route, gone } = useApp();
  const { hide, at, from, vanished } = route.value;
  const ghosts = feed.topology.value?.ghosts ?? [];
  const shown = vanished && at === '' && from === '';
  const names = ghosts.map((g) => g.name).join();
  const before = beforeGone(ghosts);
  const wanted = shown && before !== '';
  const { data } = useResource(`gone ${wanted} ${hide.join()}`, names, async (signal) => (wanted ? client.diff(before, '', hide, signal) : null));
  useEffect(() => {
    gone.value = shown ? data : undefined;
  }, [shown, data]);
  useEffect(() => () => void (gone.value = undefined), []);
}

/** What the filter shows. With only trouble asked for, judged anew with the clock. */
function useKept(): Kept | null {
  const { shown, route, now, signals } = useApp();
  const topology = shown.value;
  const { filter } = route.value;
  const at = filter.trouble ? now.value : 0;
  return useMemo(() => (topology ? keptBy(topology, filter, judgeOf(topology, at || now.peek(), signals.value)) : null), [topology, formatFilter(filter).join(), at, signals.value]);
}

/** How much of the chart the panel covers where it is a sheet from below. */
const SHEET = 0.45;

/** What the ground says about the site. */
function laneTitle(topology: Topology): { title: string; subtitle: string } {
  const { reporting, stale } = topology.coverage;
  const services = topology.services.size > 0 ? `, ${plural(topology.services.size, 'service')}` : '';
  return {
    title: topology.nodes.size === 1 ? 'this node' : reporting + stale <= 1 ? 'this node and its neighbours' : 'this site',
    subtitle: `${plural(countInside(topology.nodes.values()), 'node')}${services}`,
  };
}

/** The selection that a click on something means. */
function selectionOf(hit: Hit | null): Selection | null {
  if (!hit) return null;
  if (hit.kind === 'edge') return { kind: 'connection', id: hit.edge.connection.id };
  if (hit.kind === 'row' && hit.row.row.kind === 'service' && hit.row.service) return { kind: 'service', id: hit.row.service.id };
  return { kind: 'node', id: hit.box.node.name };
}

/** Selects by keyboard and brings it into view; null is nowhere to go. */
export function walkTo(app: App, selection: Selection | null): boolean {
  const { chart, route, navigate } = app;
  if (!selection || !chart.scene) return false;
  app.byKeyboard.value = true;
  navigate({ ...route.value, selection }, true);
  const place = placeOf(chart.scene, selection);
  if (place) chart.reveal(place);
  return true;
}

/** Tab walks along the connections while there are any, so that it never traps the focus. */
function onTab(app: App, event: KeyboardEvent): void {
  const { selection } = app.route.value;
  if (event.key !== 'Tab' || event.ctrlKey || event.altKey || event.metaKey || !selection || !app.chart.scene) return;
  app.heading.value = event.shiftKey ? 'in' : 'out';
  if (walkTo(app, step(app.chart.scene, selection, app.heading.value))) event.preventDefault();
}

/** The scene of all that is shown, or on a narrow screen of one lane of it. */
function useScene(lane: OneLane | undefined): Scene | null {
  const { shown } = useApp();
  const topology = shown.value;
  const before = useRef<Scene | null>(null);
  const renew = useRef<typeof renewScene | null>(null);
  useEffect(() => {
    // The first chart needs none of it, and any other can do without.
    void import('../chart/renew').then((m) => (renew.current = m.renewScene), () => undefined);
  }, []);
  return useMemo(() => {
    if (!topology) return (before.current = null);
    const [shown, title] = [lane ? downOf(topology, lane) : topology, laneTitle(topology)];
    return (before.current = (before.current && renew.current?.(before.current, shown, title)) || buildScene(shown, title, before.current));
  }, [topology, lane]);
}

/** The lanes of a narrow screen, and the one that is looked at: the chosen one, that of what is selected, or the worst. */
function useLanes(node: string): { lanes: readonly OneLane[]; lane: OneLane | undefined; choose: (lane: OneLane) => void } {
  const { shown } = useApp();
  const topology = shown.value;
  const narrow = useNarrow();
  const [chosen, setChosen] = useState('');
  const lanes = useMemo(() => (narrow && topology ? lanesOf(topology) : []), [narrow, topology]);
  const lane = lanes.find((l) => l.id === chosen) ?? firstLane(lanes);
  const of = laneOfBox(lanes, node)?.id;
  useEffect(() => {
    if (of !== undefined) setChosen(of);
  }, [node, of]);
  // What is looked at stays, whatever becomes worse elsewhere.
  useEffect(() => setChosen((before) => before || (lane?.id ?? '')), [lane?.id]);
  return { lanes, lane, choose: (to) => setChosen(to.id) };
}

const MOVING = 'Drag a box to where it shall stand, or carry the selected one with arrows and put it down with Enter. It stays there; “Unpin” in the panel gives it back.';

function Stage({ kept, chosen, trace }: { kept: Kept | null; chosen: Chosen; trace: Trace | null }) {
  const app = useApp();
  const { chart, shown: drawn, route, navigate, theme } = app;
  const canvas = useRef<HTMLCanvasElement>(null);
  const topology = drawn.value;
  const { selection, level, hide } = route.value;
  const { lanes, lane, choose } = useLanes(selectedNode(topology, selection) || causeOf(trace));
  const scene = useScene(lane);
  const turn = useRef<(by: -1 | 1) => void>(() => undefined);
  turn.current = (by) => {
    const next = lane && lanes[lanes.indexOf(lane) + by];
    if (next) choose(next);
  };
  const refused = app.refused.value;
  const empty = topology !== null && topology.nodes.size === 0;

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    chart.attach(element);
    const resize = (): void => chart.resize({ w: element.clientWidth, h: element.clientHeight });
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    resize();
    const stop = listen(element, chart, (hit) => {
      app.byKeyboard.value = false;
      navigate(hit ? showOnChart(route.peek(), selectionOf(hit) ?? { kind: 'node', id: '' }) : { ...route.peek(), selection: null });
    }, (hit) => {
      if (hit.kind !== 'edge' && hit.box.node.kind === 'pool') navigate({ ...unfold(route.peek(), hit.box.node.name) });
    }, {
      may: (asked) => (asked || app.moving.peek()) && mayMove(app),
      put: (box, at) => void moveBox(app, box, at).then((problem) => (app.refused.value = problem)),
    }, (by) => turn.current(by));
    return () => {
      stop();
      observer.disconnect();
      chart.detach();
    };
  }, []);

  useEffect(() => {
    const forced = matchMedia('(forced-colors: active)');
    const apply = (): void => chart.setPalette(readPalette(document.documentElement, theme.value, forced.matches));
    apply();
    forced.addEventListener('change', apply);
    return () => forced.removeEventListener('change', apply);
  }, [theme.value]);

  const of = topology ? `${topology.level} ${lane?.id ?? ''}` : '';
  const before = useRef(of);
  // Another level, or another lane, is another chart. Within the render, so that the next
  // frame is that of the chart.
  useLayoutEffect(() => {
    if (before.current !== '' && before.current !== of) chart.reset();
    before.current = of;
    chart.setScene(scene);
  }, [scene]);

  useEffect(() => {
    const service = selection?.kind === 'service' ? topology?.services.get(selection.id) : undefined;
    chart.mark(
      {
        node: selection?.kind === 'node' ? selection.id : '',
        service: service?.id ?? '',
        connection: selection?.kind === 'connection' ? selection.id : '',
      },
      app.byKeyboard.value,
    );
  }, [selection, topology, level, hide]);

  const node = selectedNode(topology, selection);
  useEffect(() => {
    const place = chart.scene && selection && node ? placeOf(chart.scene, selection) : null;
    if (place && matchMedia(NARROW).matches) chart.reveal(place, SHEET);
  }, [node, selection?.id, lane?.id]);

  useEffect(() => chart.show(kept?.boxes ?? null), [kept]);
  useEffect(() => chart.signal(app.signals.value), [app.signals.value]);
  usePath(trace, lane?.id ?? '');

  useStaleTick(scene);

  return (
    <>
      {lane && lanes.length > 1 && <LaneBar lanes={lanes} lane={lane} onLane={choose} />}
      <div class="stage">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={topology ? describe(topology, chosen, trace) : 'Chart'}
          aria-describedby="chart-help"
          onKeyDown={(event) => onTab(app, event)}
        />
        <p id="chart-help" class="hidden">
          Press t for the same as tables. Arrow keys go from box to box, Tab and Shift Tab along connections, Enter opens a node,
          Escape lets go; then Tab leaves the chart.
        </p>
        {empty && (
          <div class="notice">
            <div class="dashed">
              <h2>No node reports yet.</h2>
              <p class="ink2">The chart begins with the first report.</p>
            </div>
          </div>
        )}
        {!topology && <Notice />}
        {(app.moving.value || refused) && (
          <div class="hint" role="status">
            {refused ? capital(refused.detail || refused.title) : MOVING}{' '}
            <button type="button" class="plain" onClick={() => (refused ? (app.refused.value = null) : endMoving(app))}>
              {refused ? 'Close' : 'Done'}
            </button>
          </div>
        )}
        {scene && !scene.down && !empty && <Minimap scene={scene} />}
        {topology && !empty && (
          <div class="lines">
            {route.value.drift && <DriftLine />}
            {trace?.fades && <PathLine chosen={chosen} trace={trace} />}
            <FilterLine topology={topology} kept={kept} />
            {!kept && !trace?.fades && !lane && isTooMany(topology) && <TooMany topology={topology} />}
          </div>
        )}
        {topology && !empty && (
          <div class="zoom" role="group" aria-label="Zoom">
            <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => chart.zoom(1.25)}>
              <Icon name="plus" />
            </button>
            <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => chart.zoom(0.8)}>
              <Icon name="minus" />
            </button>
            <button type="button" aria-label="Fit" title="Fit (0)" onClick={() => chart.fit()}>
              <Icon name="fit" />
            </button>
          </div>
        )}
      </div>
    </>
  );
}

/** The box that a path begins at: a narrow screen shows its lane. */
function causeOf(trace: Trace | null): string {
  return (trace?.fades && [...trace.tags].find(([, tag]) => tag.sure)?.[0]) || '';
}

/** Shows a path, and flies to it once: when another one is asked for, or comes on the screen. */
function usePath(trace: Trace | null, lane: string): void {
  const { chart, route } = useApp();
  const { incident, question, of } = route.value;
  const asked = trace?.fades ? `${incident} ${question && of.join()} ${lane}` : '';
  const seen = useRef('');
  useEffect(() => {
    chart.trace(trace);
    // What is asked opens the sheet over the chart.
    if (asked !== seen.current && trace?.fades) chart.focusAll(trace.boxes, question && matchMedia(NARROW).matches ? SHEET : 0);
    seen.current = asked;
  }, [trace, asked]);
}

/** What the path on the chart is of, and the way back to all of it. */
function PathLine({ chosen, trace }: { chosen: Chosen; trace: Trace }) {
  const { route, navigate } = useApp();
  const close = (): void => navigate(route.value.question ? ask(route.value, '') : { ...route.value, incident: '' });
  return (
    <div class="filter-line path-line">
      <span role="status">
        <span class="path-title">{pathTitle(chosen)}: </span>
        {pathCounts(trace)}
      </span>
      <button type="button" class="plain" onClick={close}>
        <Icon name="close" /> Close
      </button>
    </div>
  );
}

function pathTitle({ failure, incident }: Chosen): string {
  return failure.data ? `If ${failure.data.of.map((r) => r.name).join(', ')} failed` : (incident.data?.title ?? '');
}

function pathCounts({ bad, predicted }: Trace): string {
  return `${plural(bad, 'box', 'boxes')} in trouble${predicted.size > 0 ? `, ${predicted.size} predicted` : ''}`;
}

function describe(topology: Topology, chosen: Chosen, trace: Trace | null): string {
  const path = trace?.fades ? `; the path of trouble is shown: ${pathTitle(chosen)}: ${pathCounts(trace)}` : '';
  const marks = topology.marks && [topology.marks.nodes, topology.marks.services, topology.marks.connections].flatMap((m) => [...m.values()]);
  const differs = marks && marks.length > 0 ? `; beside ${topology.declared ? 'what is declared' : 'the other moment'} ${countsLine(marks.map((mark) => ({ mark })))}` : '';
  return `Chart of ${plural(countInside(topology.nodes.values()), 'node')}, ${plural(topology.services.size, 'service')} and ${plural(topology.connections.size, 'connection')}${differs}${path}`;
}

/** Ages and trouble on the canvas are redrawn with the clock, but only if there are any. */
function useStaleTick(scene: Scene | null): void {
  const { now, chart } = useApp();
  const ageing = useMemo(() => {
    if (!scene) return false;
    return scene.suspects.length > 0 || scene.boxes.some((b) => isMute(b.node.state) || b.rows.some((r) => r.growth));
  }, [scene]);
  const tick = ageing ? now.value : 0;
  useEffect(() => chart.tick(), [tick]);
}
