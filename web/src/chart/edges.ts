import { shortFigure } from '../lib/format';
import { connectionLine } from '../state/words';
import { type Brush, DIMMED, GHOST, SANS } from './brush';
import type { Point, Rect } from './camera';
import { crosses, overlaps } from './hit';
import type { ColourName } from './palette';
import { type Path, along, arrival } from './route';
import { ROW, type Scene, type SceneEdge } from './scene';

/** Where along its line a label looks for a free place: the middle first. */
const SHARES = [0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82] as const;
/** So many labels look for a place; the others, less busy, take the middle. */
const SEARCHERS = 60;
/** Between a loop and its label, px. */
const ASIDE = 3;

/** Draws the connections and their labels. */
export class EdgePainter {
  readonly #brush: Brush;

  constructor(brush: Brush) {
    this.#brush = brush;
  }

  /** Draws the connections that `area` touches; from far away as bundles. */
  draw(scene: Scene, area: Rect): void {
    const { lit, level } = this.#brush.view;
    if (level === 'dot') this.#bundles(scene, area);
    const shown = scene.edges.filter((e) => this.#shown(e) && overlaps(e.area, area));
    for (const edge of shown) if (!lit?.edges.has(edge)) this.#edge(edge, lit !== null);
    if (lit) for (const edge of shown) if (lit.edges.has(edge)) this.#edge(edge, false);
  }

  /** Bundles have no heads and no dashes: too small to be read from there. */
  #bundles(scene: Scene, area: Rect): void {
    const { ctx } = this.#brush;
    ctx.globalAlpha = this.#brush.view.lit ? DIMMED / 2 : DIMMED;
    ctx.strokeStyle = this.#brush.colour('edge');
    for (const bundle of scene.bundles) {
      if (!overlaps(bundle.area, area)) continue;
      ctx.lineWidth = this.#brush.px(bundle.width);
      this.#stroke(bundle.path, 0);
    }
    ctx.globalAlpha = 1;
  }

  /** Further away only the busiest of parallel lines is drawn, and then only what is pointed at. */
  #shown(edge: SceneEdge): boolean {
    const { level, lit } = this.#brush.view;
    if (level === 'card' || level === 'detail' || this.#isSelected(edge)) return true;
    return level === 'tag' ? edge.lead : (lit?.edges.has(edge) ?? false);
  }

  #isSelected(edge: SceneEdge): boolean {
    return edge.connection.id === this.#brush.view.selectedEdge;
  }

  #edge(edge: SceneEdge, dimmed: boolean): void {
    const ctx = this.#brush.ctx;
    const lit = this.#brush.view.lit?.edges.has(edge) ?? false;
    const old = edge.connection.status === 'old';
    const width = Math.max(this.#brush.thin(old ? 1.3 : edge.width), this.#brush.px(1)) + (this.#isSelected(edge) ? this.#brush.thin(1) : 0);
    ctx.globalAlpha = isGone(edge) ? GHOST : dimmed ? DIMMED : 1;
    ctx.strokeStyle = this.#brush.colour(this.#isSelected(edge) ? 'accent' : lit ? 'ink2' : 'edge');
    ctx.fillStyle = ctx.strokeStyle;
    ctx.lineWidth = width;
    ctx.lineCap = old ? 'round' : 'butt';
    ctx.setLineDash(old ? [this.#brush.thin(2), this.#brush.thin(4)] : []);
    const head = edge.connection.directed ? this.#brush.thin(4) + width : 0;
    this.#stroke(edge.path, head);
    ctx.setLineDash([]);
    if (head > 0) this.#head(edge.path, head, width);
    ctx.globalAlpha = 1;
  }

  /** The line ends inside its head, so that it never pokes out at the tip. */
  #stroke(path: Path, head: number): void {
    const ctx = this.#brush.ctx;
    const end = arrival(path);
    const c = path.curves;
    ctx.beginPath();
    ctx.moveTo(path.x, path.y);
    for (let i = 0; i + 5 < c.length; i += 6) {
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x = 0, y = 0] = c.slice(i, i + 6);
      const back = i + 6 >= c.length ? head * 0.7 : 0;
      ctx.bezierCurveTo(x1, y1, x2, y2, x - end.dx * back, y - end.dy * back);
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

  /** Writes the labels, over the boxes; the busier of two that would cover each other stands. */
  labels(scene: Scene, area: Rect): void {
    const pointed = this.#brush.view.pointed;
    if (this.#brush.view.level !== 'dot') this.#counts(scene, area, pointed);
    if (pointed) this.#label(pointed.label, connectionLine(pointed.connection), 'ink', area);
  }

  #counts(scene: Scene, area: Rect, pointed: SceneEdge | null): void {
    const labelled = scene.edges.filter((e) => e !== pointed && this.#labelled(e) && overlaps(e.area, area));
    labelled.sort((a, b) => b.connection.count - a.connection.count);
    const taken: Rect[] = [];
    labelled.forEach((edge, i) => {
      const text = shortFigure(edge.connection.count);
      const at = i < SEARCHERS ? this.#place(scene, edge, text, taken) : edge.label;
      const place = this.#labelArea(at, text);
      if (taken.some((t) => overlaps(t, place))) return;
      taken.push(place);
      this.#label(at, text, 'ink2', area);
    });
  }

  /** The first place on the edge where the label covers nothing else; the middle if there is none. */
  #place(scene: Scene, edge: SceneEdge, text: string, taken: readonly Rect[]): Point {
    const free = (at: Point): boolean => {
      const place = this.#labelArea(at, text);
      if (taken.some((t) => overlaps(t, place))) return false;
      if (scene.boxGrid.near(place).some((b) => overlaps(b.rect, place))) return false;
      return !scene.edgeGrid.near(place).some((e) => e !== edge && this.#shown(e) && crosses(e.points, place));
    };
    // On a loop lower than itself a label would hide the line.
    if (edge.client === edge.server && edge.area.h < ROW) return this.#beside(edge, text);
    if (free(edge.label)) return edge.label;
    return SHARES.map((share) => along(edge.points, share)).find(free) ?? edge.label;
  }

  /** Right of a loop. */
  #beside({ area }: SceneEdge, text: string): Point {
    const { w } = this.#labelArea({ x: 0, y: 0 }, text);
    return { x: area.x + area.w + this.#brush.thin(ASIDE) + w / 2, y: area.y + area.h / 2 };
  }

  #labelled(edge: SceneEdge): boolean {
    const lit = this.#brush.view.lit;
    if (edge.connection.count === 0) return false;
    if (lit) return lit.edges.has(edge);
    if (this.#isSelected(edge) || this.#brush.view.level === 'detail') return true;
    return edge.busy && this.#brush.view.level === 'card';
  }

  #labelSize(): number {
    return this.#brush.view.level === 'card' ? this.#brush.size(10.5, 10.5) : this.#brush.px(10.5);
  }

  #labelArea(at: Point, text: string): Rect {
    const size = this.#labelSize();
    const w = this.#brush.width(text, `${size}px ${SANS}`) + 4;
    return { x: at.x - w / 2, y: at.y - size * 0.6, w, h: size * 1.2 };
  }

  /** A text on its line, kept inside `area`, with a halo in the ground's colour. */
  #label(at: Point, text: string, colour: ColourName, area: Rect): void {
    const size = this.#labelSize();
    const { ctx } = this.#brush;
    const { w } = this.#labelArea(at, text);
    const x = Math.max(area.x + w / 2, Math.min(area.x + area.w - w / 2, at.x));
    const y = at.y;
    ctx.font = `${size}px ${SANS}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.lineJoin = 'round';
    ctx.lineWidth = size * 0.66;
    ctx.strokeStyle = this.#brush.colour('lane');
    ctx.strokeText(text, x, y);
    ctx.fillStyle = this.#brush.colour(colour);
    ctx.fillText(text, x, y);
  }

}

/** A connection to a service that no longer listens. */
function isGone(edge: SceneEdge): boolean {
  const id = edge.connection.server.service;
  return id !== '' && edge.server.rows.some((r) => r.service?.id === id && r.service.state === 'gone');
}
