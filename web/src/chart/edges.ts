import { shortFigure } from '../lib/format';
import { type Severity, type Trouble, connectionTroubles, rank, worstFirst } from '../state/health';
import { MARK_WORDS, type Mark } from '../state/compare';
import { NO_SIGNALS } from '../state/signals';
import type { Namer } from '../state/topology';
import { WAY_WORDS, type Way } from '../state/trace';
import { connectionLine } from '../state/words';
import { type Brush, DIMMED, GHOST, type Pieces, SANS, each, sift } from './brush';
import type { Point, Rect } from './camera';
import { crosses, overlaps } from './hit';
import type { ColourName } from './palette';
import { type Path, along, arrival, sample } from './route';
import { ROW, type Scene, type SceneEdge } from './scene';
import { chevrons, ticks } from './ticks';

/** Where along its line a label looks for a free place: the middle first. */
const SHARES = [0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82] as const;
/** So many labels look for a place; the others, less busy, take the middle. */
const SEARCHERS = 60;
/** Between a loop and its label, px. */
const ASIDE = 3;

/** A line in trouble has ticks across it, px: closer together where it fails. Shape before colour. */
const TICKS: Readonly<Record<Severity, { colour: ColourName; text: ColourName; length: number; pitch: number }>> = {
  failing: { colour: 'critical', text: 'critical', length: 7, pitch: 7 },
  strained: { colour: 'warning-line', text: 'warning-text', length: 7, pitch: 16 },
};
const TICK = 1.2;
/** Points on each curve of a line that has ticks: they stand on it, and straight across. */
const FINE = 24;
/** Between two lines of a label, in heights of its text. */
const LEADING = 1.5;

/** How a line that differs from another moment looks; its label says it in a word. */
const MARKED: Readonly<Record<Mark, { colour: ColourName; width: number; dash: readonly number[] }>> = {
  appeared: { colour: 'appeared', width: 1.9, dash: [] },
  returned: { colour: 'appeared', width: 1.7, dash: [9, 3] },
  changed: { colour: 'accent', width: 1.9, dash: [] },
  vanished: { colour: 'vanished', width: 1.7, dash: [5, 4] },
  absent: { colour: 'vanished', width: 1.3, dash: [5, 4] },
  unexpected: { colour: 'warning-line', width: 2.2, dash: [11, 3, 2, 3] },
  forbidden: { colour: 'critical', width: 3, dash: [3, 2] },
  missing: { colour: 'vanished', width: 1.7, dash: [6, 6] },
};

/** How a line of the path of trouble looks: what it may reach next, and what only leads there, is no line that it came along. */
const WAYS: Readonly<Record<Way, { width: number; dash: readonly number[]; marks: boolean }>> = {
  travels: { width: 2.2, dash: [], marks: true },
  through: { width: 1.3, dash: [1.5, 2.5], marks: true },
  next: { width: 1.5, dash: [4, 3], marks: false },
};

/** The marks on such a line point the way that trouble goes: from the server to its client. px. */
const CHEVRON = { pitch: 34, half: 4, width: 1.8 } as const;

/** Of so many lines each needs fewer marks, and thinner ones are enough. */
const MANY_WAYS = 24;
const FORESEEN = 0.5;

const NO_TROUBLE: readonly Trouble[] = [];

/** Draws the connections and their labels. */
export class EdgePainter {
  readonly #brush: Brush;
  /** What is wrong with the edges of this frame, the worst first; few of many. */
  #ill: ReadonlyMap<SceneEdge, readonly Trouble[]> = new Map();
  /** The busiest edges of this frame, and from further away those that stand for their parallels. */
  #busiest: ReadonlySet<SceneEdge> = new Set();
  #leads: ReadonlySet<SceneEdge> = new Set();
  /** What of the edges is seen in this frame. */
  #seen: readonly SceneEdge[] = [];
  /** Lines that have ticks, as points; they outlive their scenes. */
  readonly #courses = new WeakMap<Path, readonly Point[]>();

  constructor(brush: Brush) {
    this.#brush = brush;
  }

  /**
   * Draws the connections that `area` touches; from far away as bundles. Those in
   * trouble lie over the others and are never left out. Pauses after each piece of work.
   */
  *draw(scene: Scene, area: Rect): Pieces {
    const { lit, level } = this.#brush.view;
    this.#ill = this.#judge(scene);
    if (level === 'card') this.#busiest = scene.busiest;
    if (level === 'tag') this.#leads = scene.leads;
    if (level === 'dot') yield* this.#bundles(scene, area);
    const shown = yield* sift(this.#candidates(scene), (e) => this.#shown(e) && e.touches(area));
    this.#seen = shown;
    const above = (e: SceneEdge): boolean => this.#ill.has(e) || isMarked(e) || this.#way(e) !== undefined || (lit?.edges.has(e) ?? false);
    const draw = (edges: Iterable<SceneEdge>, which: (e: SceneEdge) => boolean, dimmed: boolean): Pieces => each(edges, (e) => which(e) && this.#edge(e, dimmed, area));
    const aside = (e: SceneEdge): boolean => !lit?.edges.has(e) && e.touches(area);
    yield* draw(shown, (e) => !above(e), lit !== null || scene.compared);
    yield* draw(shown, (e) => isMarked(e) && !this.#ill.has(e) && !this.#way(e) && !lit?.edges.has(e), lit !== null);
    yield* draw(this.#ill.keys(), (e) => aside(e) && !this.#way(e), lit !== null);
    yield* draw(this.#brush.view.traced?.edges.keys() ?? [], aside, lit !== null);
    if (lit) yield* draw(shown, (e) => lit.edges.has(e), false);
  }

  /** Of many thousand edges those that may be shown: far away few are, and bundles stand for the others. */
  #candidates(scene: Scene): readonly SceneEdge[] {
    const { lit, level, traced, selectedBox, selectedEdge } = this.#brush.view;
    if (level !== 'dot' || scene.compared || selectedEdge !== '') return scene.edges;
    const shared = selectedBox?.node.shared ? (scene.edgesByNode.get(selectedBox.node.name) ?? []) : [];
    const few = new Set([...this.#ill.keys(), ...(traced?.edges.keys() ?? []), ...(lit?.edges ?? []), ...shared]);
    const gone = scene.source.gone?.connections.length ? scene.edges.filter(isMarked) : [];
    return [...few, ...gone.filter((e) => !few.has(e))];
  }

  /** What is wrong, by edge; those that fail last, to be drawn over the others. */
  #judge(scene: Scene): Map<SceneEdge, readonly Trouble[]> {
    const now = Math.max(this.#brush.view.now, scene.at);
    const signals = this.#brush.view.signals ?? NO_SIGNALS;
    const told = signals.size > 0 ? [...signals.keys()].flatMap((id) => scene.edgeById.get(id) ?? []) : [];
    const ill = [...new Set([...scene.suspects, ...told])].map((edge) => [edge, worstFirst(connectionTroubles(edge.connection, edge.growth, now, signals.get(edge.connection.id)))] as const);
    return new Map(ill.filter(([, troubles]) => troubles.length > 0).sort(([, a], [, b]) => rank(a) - rank(b)));
  }

  #severity(edge: SceneEdge): Severity | undefined {
    return this.#ill.get(edge)?.[0]?.severity;
  }

  /** How it is of the path that is shown. */
  #way(edge: SceneEdge): Way | undefined {
    return this.#brush.view.traced?.edges.get(edge);
  }

  /** Bundles have no heads and no dashes: too small to be read from there. */
  *#bundles(scene: Scene, area: Rect): Pieces {
    const { ctx } = this.#brush;
    ctx.globalAlpha = (this.#brush.view.lit || this.#brush.view.kept ? DIMMED / 2 : DIMMED) * this.#come();
    ctx.strokeStyle = this.#brush.colour('edge');
    yield* each(scene.bundles, (bundle) => {
      if (!overlaps(bundle.area, area)) return;
      ctx.lineWidth = this.#brush.px(bundle.width);
      this.#stroke(bundle.path, 0);
    });
    ctx.globalAlpha = 1;
  }

  /** Further away only the busiest of parallel lines is drawn, and then only what is pointed at. */
  #shown(edge: SceneEdge): boolean {
    const { level, lit, selectedBox } = this.#brush.view;
    if (this.#way(edge)) return true;
    if (edge.quiet && !this.#isSelected(edge) && !this.#ill.has(edge) && !isMarked(edge)) {
      const asked = selectedBox !== null && selectedBox.node.shared && (edge.client === selectedBox || edge.server === selectedBox);
      return asked || (lit?.edges.has(edge) ?? false);
    }
    if (level === 'card' || level === 'detail' || this.#isSelected(edge) || this.#ill.has(edge) || isMarked(edge)) return true;
    return level === 'tag' ? this.#leads.has(edge) : (lit?.edges.has(edge) ?? false);
  }

  /** While boxes are on their way lines come with them. */
  #come(): number {
    return (this.#brush.view.slide?.t ?? 1) ** 2;
  }

  /** The filter leaves it out; what is selected or pointed at is seen nevertheless. */
  #isAway(edge: SceneEdge): boolean {
    const { kept, lit } = this.#brush.view;
    return Boolean(kept && !kept.edges.has(edge)) && !this.#isSelected(edge) && !lit?.edges.has(edge);
  }

  #isSelected(edge: SceneEdge): boolean {
    return edge.connection.id === this.#brush.view.selectedEdge;
  }

  #edge(edge: SceneEdge, dimmed: boolean, area: Rect): void {
    const ctx = this.#brush.ctx;
    const severity = this.#severity(edge);
    const way = this.#way(edge);
    const mark = severity || way ? undefined : edge.mark && MARKED[edge.mark];
    const old = !severity && !way && edge.connection.status === 'old';
    const observed = !severity && !way && Boolean(edge.connection.observer);
    const own = mark ? mark.width : way ? (way === 'travels' && !this.#far() ? Math.max(edge.width, WAYS[way].width) : Math.min(edge.width, WAYS[way].width)) : old || observed ? 1.3 : edge.width;
    const width = Math.max(this.#brush.thin(own), this.#brush.px(1)) + (this.#isSelected(edge) ? this.#brush.thin(1) : 0);
    ctx.globalAlpha = dimmed || this.#isAway(edge) ? DIMMED : 1;
    if (!severity && !mark && !way && isGone(edge)) ctx.globalAlpha = GHOST;
    // Of many, what is only foreseen stands behind what is.
    if (way === 'next' && !severity && this.#many()) ctx.globalAlpha *= FORESEEN;
    ctx.globalAlpha *= this.#come();
    ctx.strokeStyle = this.#brush.colour(this.#ink(edge, severity));
    ctx.fillStyle = ctx.strokeStyle;
    ctx.lineWidth = width;
    ctx.lineCap = !mark && (old || observed) ? 'round' : 'butt';
    ctx.setLineDash(mark || way ? (mark ?? WAYS[way ?? 'next']).dash.map((n) => Math.max(this.#brush.thin(n), this.#brush.px(n))) : this.#dash(old, observed));
    const head = edge.connection.directed ? this.#brush.thin(4) + width : 0;
    this.#stroke(edge.path, head);
    ctx.setLineDash([]);
    if (head > 0) this.#head(edge.path, head, width);
    if (severity && !(way && this.#far())) this.#ticks(edge.path, head, severity, area);
    if (way && WAYS[way].marks && edge.connection.directed) this.#chevrons(edge.path, head, area);
    ctx.globalAlpha = 1;
  }

  /** From where boxes are blocks there is no room for all marks of a large path. */
  #far(): boolean {
    return this.#brush.view.level === 'dot' && this.#many();
  }

  #many(): boolean {
    return (this.#brush.view.traced?.edges.size ?? 0) > MANY_WAYS;
  }

  /** Which way trouble came: against the arrow of the connection. */
  #chevrons(path: Path, head: number, area: Rect): void {
    const { ctx } = this.#brush;
    const size = this.#tickSize();
    const many = this.#many();
    const at = chevrons(this.#course(path), CHEVRON.pitch * size * (many ? 4 : 1), CHEVRON.half * size * (many ? 0.8 : 1), head + 3 * size, area);
    const stroke = (): void => {
      ctx.beginPath();
      for (let i = 0; i + 5 < at.length; i += 6) {
        ctx.moveTo(at[i] ?? 0, at[i + 1] ?? 0);
        ctx.lineTo(at[i + 2] ?? 0, at[i + 3] ?? 0);
        ctx.lineTo(at[i + 4] ?? 0, at[i + 5] ?? 0);
      }
      ctx.stroke();
    };
    ctx.lineCap = 'round';
    ctx.lineJoin = 'round';
    // A gap in the ground's colour lifts them off the line and its ticks.
    ctx.strokeStyle = this.#brush.colour('lane');
    ctx.lineWidth = (CHEVRON.width + 2.4) * size;
    stroke();
    ctx.strokeStyle = this.#brush.colour(this.#brush.tone.line);
    ctx.lineWidth = CHEVRON.width * size;
    stroke();
  }

  #course(path: Path): readonly Point[] {
    const points = this.#courses.get(path) ?? sample(path, FINE);
    this.#courses.set(path, points);
    return points;
  }

  /** Observers are dotted, what is idle is dashed: not finer from further away, where it would look like a thin line. */
  #dash(old: boolean, observed: boolean): number[] {
    const long = (n: number): number => Math.max(this.#brush.thin(n), this.#brush.px(n));
    if (observed) return [0, long(4)];
    return old ? [long(2), long(4)] : [];
  }

  #ink(edge: SceneEdge, severity: Severity | undefined): ColourName {
    if (this.#isSelected(edge)) return 'accent';
    if (this.#way(edge)) return this.#brush.tone.line;
    if (severity) return TICKS[severity].colour;
    if (edge.mark) return MARKED[edge.mark].colour;
    return this.#brush.view.lit?.edges.has(edge) ? 'ink2' : 'edge';
  }

  /** Short strokes across the line; further away they keep their size on screen. */
  #ticks(path: Path, head: number, severity: Severity, area: Rect): void {
    const { ctx } = this.#brush;
    const { colour, length, pitch } = TICKS[severity];
    const size = this.#tickSize();
    const ends = ticks(this.#course(path), pitch * size, (length / 2) * size, head, area);
    ctx.strokeStyle = this.#brush.colour(colour);
    ctx.lineWidth = TICK * size;
    ctx.lineCap = 'butt';
    ctx.beginPath();
    for (let i = 0; i + 3 < ends.length; i += 4) {
      ctx.moveTo(ends[i] ?? 0, ends[i + 1] ?? 0);
      ctx.lineTo(ends[i + 2] ?? 0, ends[i + 3] ?? 0);
    }
    ctx.stroke();
  }

  #tickSize(): number {
    return Math.max(this.#brush.thin(1), this.#brush.px(1));
  }

  /** The line ends inside its head, so that it never pokes out at the tip. */
  #stroke(path: Path, head: number): void {
    const ctx = this.#brush.ctx;
    const c = path.curves;
    const last = c.length - 6;
    const end = head > 0 ? arrival(path) : null;
    ctx.beginPath();
    ctx.moveTo(path.x, path.y);
    for (let i = 0; i <= last; i += 6) {
      const back = end && i === last ? head * 0.7 : 0;
      ctx.bezierCurveTo(c[i] ?? 0, c[i + 1] ?? 0, c[i + 2] ?? 0, c[i + 3] ?? 0, (c[i + 4] ?? 0) - (end?.dx ?? 0) * back, (c[i + 5] ?? 0) - (end?.dy ?? 0) * back);
    }
    ctx.stroke();
  }

  #head(path: Path, length: number, width: number): void {
    const { x, y, dx, dy } = arrival(path);
    const half = (length + width) * 0.36;
    const ctx = this.#brush.ctx;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x - dx * length - dy * half, y - dy * length + dx * half);
    ctx.lineTo(x - dx * length + dy * half, y - dy * length - dx * half);
    ctx.fill();
  }

  /** Writes the labels, over the boxes; of two that would cover each other the one in trouble stands, else the busier. */
  *labels(scene: Scene, area: Rect): Pieces {
    if (this.#brush.view.slide) return;
    const pointed = this.#brush.view.pointed;
    if (this.#brush.view.level !== 'dot') yield* this.#counts(scene, area, pointed);
    if (pointed) this.#tell(pointed, area);
  }

  /** What an edge is, and below it what is wrong with it; kept inside `area`. */
  #tell(edge: SceneEdge, area: Rect): void {
    const { x, y } = edge.label;
    const line = (text: string, colour: ColourName, i: number): void => {
      const { w } = this.#labelArea(edge.label, text);
      const inside = Math.max(area.x + w / 2, Math.min(area.x + area.w - w / 2, x));
      this.#label({ x: inside, y: y + i * this.#labelSize() * LEADING }, text, colour);
    };
    line(connectionLine(edge.connection, nameOf(edge)), 'ink', 0);
    const way = this.#way(edge);
    const more: [string, ColourName][] = [
      ...(edge.mark ? [[MARK_WORDS[edge.mark], MARKED[edge.mark].colour] as [string, ColourName]] : []),
      ...this.#troubles(edge).map((t): [string, ColourName] => [t.text, TICKS[t.severity].text]),
      ...(way ? [[WAY_WORDS[way], 'ink2'] as [string, ColourName]] : []),
    ];
    more.forEach(([text, colour], i) => line(text, colour, i + 1));
  }

  #troubles(edge: SceneEdge): readonly Trouble[] {
    return this.#ill.get(edge) ?? NO_TROUBLE;
  }

  *#counts(scene: Scene, area: Rect, pointed: SceneEdge | null): Pieces {
    const labelled = yield* sift(scene.edges, (e) => e !== pointed && this.#labelled(e) && e.touches(area));
    labelled.sort((a, b) => Number(this.#ill.has(b)) - Number(this.#ill.has(a)) || Number(isMarked(b)) - Number(isMarked(a)) || b.connection.count - a.connection.count);
    const taken: Rect[] = [];
    yield* each(labelled, (edge, i) => {
      const [worst] = this.#troubles(edge);
      const text = worst?.short ?? markedFigure(edge);
      const at = i < SEARCHERS ? this.#place(scene, edge, text, taken) : edge.label;
      const place = this.#labelArea(at, text);
      if (taken.some((t) => overlaps(t, place))) return;
      // Names count for more than figures where both are of one size.
      if (this.#brush.view.level === 'tag' && !this.#isSelected(edge) && this.#covers(scene, place)) return;
      taken.push(this.#kept(place));
      this.#label(at, text, worst ? TICKS[worst.severity].text : edge.mark ? MARKED[edge.mark].colour : 'ink2');
    }, 4);
  }

  #covers(scene: Scene, place: Rect): boolean {
    return scene.boxGrid.near(place).some((b) => overlaps(b.rect, place));
  }

  /** The first place on the edge where the label covers nothing else; the middle if there is none. */
  #place(scene: Scene, edge: SceneEdge, text: string, taken: readonly Rect[]): Point {
    const clear = (at: Point): boolean => {
      const place = this.#labelArea(at, text);
      return !taken.some((t) => overlaps(t, place)) && !this.#covers(scene, place);
    };
    const free = (at: Point): boolean => {
      if (!clear(at)) return false;
      const place = this.#labelArea(at, text);
      return !this.#seen.some((e) => e !== edge && overlaps(e.area, place) && crosses(e.points, place));
    };
    // On a loop lower than itself a label would hide the line.
    if (edge.client === edge.server && edge.area.h < ROW) return this.#beside(edge, text);
    if (this.#ill.has(edge)) return this.#placeTrouble(edge, text, free, clear);
    if (free(edge.label)) return edge.label;
    return SHARES.map((share) => along(edge.points, share)).find(free) ?? edge.label;
  }

  /**
   * A label of trouble stands over, under or beside its line: on a short one it would
   * hide the ticks. Where it would hide another line it stands on its own after all, so
   * that nobody takes it for the other's.
   */
  #placeTrouble(edge: SceneEdge, text: string, free: (at: Point) => boolean, clear: (at: Point) => boolean): Point {
    const own = [edge.label, ...SHARES.map((share) => along(edge.points, share))];
    const places = own.map((at) => this.#around(edge, at, text));
    const over = places.map(([above]) => above);
    const beside = places.flatMap(([, ...others]) => others);
    return over.find(free) ?? beside.find(free) ?? own.find(clear) ?? over.find(clear) ?? beside.find(clear) ?? edge.label;
  }

  /** Over a point of a line, under it, and right and left of it, clear of its ticks. */
  #around(edge: SceneEdge, { x, y }: Point, text: string): [Point, Point, Point, Point] {
    const { w, h } = this.#labelArea({ x, y }, text);
    const ticks = this.#tickSize() * (TICKS[this.#severity(edge) ?? 'failing'].length / 2 + 1);
    const [dx, dy] = [ticks + w / 2, ticks + h / 2];
    return [{ x, y: y - dy }, { x, y: y + dy }, { x: x + dx, y }, { x: x - dx, y }];
  }

  /** Right of a loop. */
  #beside({ area }: SceneEdge, text: string): Point {
    const { w } = this.#labelArea({ x: 0, y: 0 }, text);
    return { x: area.x + area.w + this.#brush.thin(ASIDE) + w / 2, y: area.y + area.h / 2 };
  }

  #labelled(edge: SceneEdge): boolean {
    const { lit, level } = this.#brush.view;
    const ill = this.#ill.has(edge);
    if (edge.connection.count === 0 && !ill && !isMarked(edge)) return false;
    if (edge.quiet && !ill && !this.#isSelected(edge)) return false;
    if (this.#isAway(edge)) return false;
    // Their boxes say it already.
    if ((edge.client.gone || edge.server.gone) && !lit && !this.#isSelected(edge)) return false;
    if (lit) return lit.edges.has(edge);
    if (this.#isSelected(edge) || level === 'detail') return true;
    // Further away there is room for the figures of what fails only.
    if (level === 'tag') return this.#severity(edge) === 'failing';
    return level === 'card' && (this.#busiest.has(edge) || ill || isMarked(edge));
  }

  #labelSize(): number {
    return this.#brush.view.level === 'card' ? this.#brush.size(10.5, 10.5) : this.#brush.px(10.5);
  }

  #labelArea(at: Point, text: string): Rect {
    const size = this.#labelSize();
    const w = this.#brush.width(text, `${size}px ${SANS}`) + 4;
    return { x: at.x - w / 2, y: at.y - size * 0.6, w, h: size * 1.2 };
  }

  /** What no other label may touch: a label with its halo, and air beside it, so that two don't read as one. */
  #kept({ x, y, w, h }: Rect): Rect {
    const [dx, dy] = [this.#labelSize() * 0.7, this.#labelSize() * 0.35];
    return { x: x - dx, y: y - dy, w: w + 2 * dx, h: h + 2 * dy };
  }

  /** A text with a halo in the ground's colour, `at` its middle. */
  #label({ x, y }: Point, text: string, colour: ColourName): void {
    const size = this.#labelSize();
    this.#brush.haloed(text, x, y, size, `${size}px ${SANS}`, colour, 'center');
  }

}

/** It differs from the other moment; what is not there today is said by its look alone. */
function isMarked({ mark }: SceneEdge): boolean {
  return mark !== undefined && mark !== 'absent';
}

/** `new 12`, `vanished`: how it differs, and what is open. */
function markedFigure({ mark, connection: { count } }: SceneEdge): string {
  if (!mark || mark === 'absent') return shortFigure(count);
  return mark === 'vanished' || count === 0 ? MARK_WORDS[mark] : `${MARK_WORDS[mark]} ${shortFigure(count)}`;
}

/** A connection to a service that no longer listens. */
function isGone(edge: SceneEdge): boolean {
  const id = edge.connection.server.service;
  return id !== '' && edge.server.rows.some((r) => r.service?.id === id && r.service.state === 'gone');
}

/** What the two ends of an edge are called. */
function nameOf({ client, server }: SceneEdge): Namer {
  const known = new Map([client, server].map(({ node }) => [node.name, node.known_as]));
  return (name) => known.get(name) || name;
}
