import { BoxPainter } from './boxes';
import { Brush, type Context, DIMMED, type Pieces, SANS, type View } from './brush';
import { type Camera, type Rect, visible } from './camera';
import { EdgePainter } from './edges';
import { isBad } from '../state/checks';
import { overlaps } from './hit';
import type { Lane, Scene } from './scene';

/** Where a lane's name starts. */
const LANE_INDENT = 16;

/** Draws one frame. Holds caches only: what is drawn follows from its arguments. */
export class Renderer {
  readonly #brush: Brush;
  readonly #boxes: BoxPainter;
  readonly #edges: EdgePainter;
  #many = false;

  constructor(ctx: Context) {
    this.#brush = new Brush(ctx);
    this.#boxes = new BoxPainter(this.#brush);
    this.#edges = new EdgePainter(this.#brush);
  }

  draw(scene: Scene, view: View): void {
    const pieces = this.pieces(scene, view);
    while (!pieces.next().done);
    this.marks(view);
  }

  /** Draws one but for its marks, and pauses after each piece of work. Until it is done nobody else may draw with this. */
  *pieces(scene: Scene, view: View): Pieces {
    const area = this.#look(view);
    const lanes = scene.lanes.filter((l) => overlaps(l.rect, area));
    this.#many = scene.lanes.length > 1;
    if (!view.over) this.#grounds(lanes, view);
    yield* this.#edges.draw(scene, area);
    yield* this.#boxes.draw(scene, area);
    this.#names(lanes);
    yield* this.#edges.labels(scene, area);
  }

  /** What a viewer does with a frame: what is selected, what is carried. */
  marks(view: View): void {
    this.#look(view);
    if (view.selectedBox) this.#boxes.ring(view.selectedBox);
    if (view.carried) this.#carried(view.carried);
  }

  /** Takes the place of a camera; returns what it shows. */
  #look(view: View): Rect {
    this.#brush.view = view;
    const { dpr, camera, screen } = view;
    this.#brush.ctx.setTransform(dpr * camera.k, 0, 0, dpr * camera.k, dpr * camera.x, dpr * camera.y);
    return visible(camera, screen);
  }

  #grounds(lanes: readonly Lane[], { dpr, screen, palette }: View): void {
    const { ctx } = this.#brush;
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = palette.bg;
    ctx.fillRect(0, 0, Math.ceil(screen.w * dpr), Math.ceil(screen.h * dpr));
    ctx.restore();
    for (const lane of lanes) this.#ground(lane);
  }

  /** The outline of a box that is carried. */
  #carried(rect: Rect): void {
    const { ctx } = this.#brush;
    ctx.lineWidth = this.#brush.px(2);
    ctx.strokeStyle = this.#brush.colour('accent');
    ctx.setLineDash([this.#brush.px(5), this.#brush.px(3)]);
    this.#brush.round(rect, 7);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** The ground of boxes that belong together. */
  #ground({ rect, title }: Lane): void {
    const { slide } = this.#brush.view;
    const was = slide?.lanes.get(title);
    this.#brush.ctx.fillStyle = this.#brush.colour('lane');
    this.#brush.round(was && slide ? mixed(was, rect, slide.t) : rect, 12);
    this.#brush.ctx.fill();
  }

  /** A lane of which the filter shows nothing fades with its boxes. */
  #names(lanes: readonly Lane[]): void {
    const { kept } = this.#brush.view;
    const lit = kept && new Set([...kept.boxes].map((b) => b.lane));
    for (const lane of lanes) {
      this.#brush.ctx.globalAlpha = lit && !lit.has(lane.strip ? '' : lane.title) ? DIMMED : 1;
      if (lane.strip) this.#stripName(lane);
      else this.#laneName(lane);
    }
    this.#brush.ctx.globalAlpha = 1;
  }

  /** Lane names stay readable from far away: never below 12 px on screen. */
  #laneName(lane: Lane): void {
    const { rect, title, worst = 'NONE' } = lane;
    const brush = this.#brush;
    const size = Math.max(13, brush.px(12));
    const alone = brush.view.level === 'dot';
    const sign = isBad(worst) ? worst : null;
    // From where boxes are dots there is no room beside them; of many lanes each keeps its name on its own ground.
    const above = alone && !this.#many;
    const y = alone ? rect.y - (this.#many ? -size : size) : rect.y + 12 + size / 2;
    const first = rect.x + Math.min(LANE_INDENT, brush.px(LANE_INDENT));
    const left = first + (sign ? size * 1.35 : 0);
    const room = rect.w - LANE_INDENT - (left - rect.x);
    const font = `600 ${size}px ${SANS}`;
    if (sign) brush.state(sign, first + size * 0.5, y, size);
    // Above the lane there is nothing beside it to run into.
    brush.haloed(above ? title : brush.fit(title, room, font), left, y, alone ? size * 0.6 : size * 0.2, font, 'ink', 'left', above ? 'bg' : 'lane');
    if (brush.k < 0.7) return;
    const small = `${Math.min(11.5, size)}px ${SANS}`;
    brush.text(brush.fit(lane.subtitle, room, small), left, rect.y + 16 + size + 9, small, 'ink3');
  }

  /** The strip's name stands before its boxes, in one line or two; else behind them; else over the strip. Never under a box. */
  #stripName({ rect, title, subtitle, worst = 'NONE', start = rect.x + rect.w, end = rect.x }: Lane): void {
    const brush = this.#brush;
    const size = Math.max(13, brush.px(12));
    const font = `600 ${size}px ${SANS}`;
    const small = `${Math.min(11.5, size)}px ${SANS}`;
    const sign = isBad(worst) ? worst : null;
    const before = start - rect.x - 1.5 * LANE_INDENT - (sign ? size * 1.35 : 0);
    const behind = rect.x + rect.w - end - 2 * LANE_INDENT - (sign ? size * 1.35 : 0);
    const words = title.split(' ');
    const fits = (lines: readonly string[], room: number): boolean => lines.length * size * 1.3 <= rect.h && lines.every((l) => brush.width(l, font) <= room);
    const [lines, first, room] = fits([title], before) ? [[title], rect.x, before] : fits(words, before) ? [words, rect.x, before] : fits([title], behind) ? [[title], end, behind] : [[title], rect.x, 0];
    const over = room === 0;
    const left = first + LANE_INDENT + (sign ? size * 1.35 : 0);
    const told = !over && brush.k >= 0.7 && (lines.length + 1) * size * 1.3 <= rect.h && brush.width(subtitle, small) <= room;
    const height = (lines.length + (told ? 1 : 0)) * size * 1.3;
    const top = over ? rect.y - size * 0.8 : rect.y + (rect.h - height) / 2 + size * 0.65;
    if (sign) brush.state(sign, left - size * 0.85, top, size);
    lines.forEach((line, i) => brush.haloed(line, left, top + i * size * 1.3, size * 0.4, font, 'ink', 'left', over ? 'bg' : 'lane'));
    if (told) brush.text(subtitle, left, top + lines.length * size * 1.3, small, 'ink3');
  }

  /** Lays an earlier frame, seen by another camera, over this one. */
  overlay(image: HTMLCanvasElement | OffscreenCanvas, from: Camera, alpha: number): void {
    const { ctx } = this.#brush;
    const { camera, dpr } = this.#brush.view;
    const scale = camera.k / from.k;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = alpha;
    ctx.drawImage(image, dpr * (camera.x - from.x * scale), dpr * (camera.y - from.y * scale), image.width * scale, image.height * scale);
    ctx.globalAlpha = 1;
  }
}

/** A rectangle on its way from one to the other. */
function mixed(a: Rect, b: Rect, t: number): Rect {
  const mix = (from: number, to: number): number => from + (to - from) * t;
  return { x: mix(a.x, b.x), y: mix(a.y, b.y), w: mix(a.w, b.w), h: mix(a.h, b.h) };
}
