import { truncateMiddle } from '../lib/format';
import { SHAPES, type StateName } from '../parts/shapes';
import type { Signals } from '../state/signals';
import type { Tag, Tone, Way } from '../state/trace';
import { type Camera, MAX_FIT, type Rect, type Size, type ZoomLevel } from './camera';
import type { ColourName, Palette } from './palette';
import type { SceneBox, SceneEdge } from './scene';

/** A part of a scene. */
export interface Shown {
  boxes: ReadonlySet<SceneBox>;
  edges: ReadonlySet<SceneEdge>;
}

/** Boxes and lanes that were elsewhere, by name, and how far they have come: 0 to 1. */
export interface Slide {
  boxes: ReadonlyMap<string, Rect>;
  lanes: ReadonlyMap<string, Rect>;
  t: number;
}

/** The path of trouble on a scene. */
export interface Traced {
  tags: ReadonlyMap<SceneBox, Tag>;
  predicted: ReadonlySet<SceneBox>;
  edges: ReadonlyMap<SceneEdge, Way>;
  tone: Tone;
}

/** The colours of a path. */
export const TONES: Readonly<Record<Tone, { line: ColourName; fill: ColourName; on: ColourName }>> = {
  critical: { line: 'critical', fill: 'critical', on: 'critical-on' },
  warning: { line: 'warning-line', fill: 'warning-fill', on: 'warning-on' },
  unknown: { line: 'unknown', fill: 'unknown', on: 'surface' },
};

/** What the viewer does with the scene at the moment. */
export interface View {
  camera: Camera;
  screen: Size;
  dpr: number;
  level: ZoomLevel;
  palette: Palette;
  /** Lit while something is hovered: the rest is dimmed. Null when nothing is. */
  lit: Shown | null;
  /** What the filter shows: the rest is dimmed. Null where it shows all. */
  kept?: Shown | null;
  /** The path of an incident, or of a supposed failure. */
  traced?: Traced | null;
  /** What dotm's own checks say of connections, by their id. */
  signals?: Signals;
  /** The edge under the pointer: it says what it is. */
  pointed: SceneEdge | null;
  selectedBox: SceneBox | null;
  selectedRow: string;
  selectedEdge: string;
  /** The keyboard stands on the selection: its ring is dashed. */
  keyboard: boolean;
  /** A small screen, held near the eye but read on the move: text is larger. */
  roomy: boolean;
  /** It is drawn over a picture: without any ground. */
  over?: boolean;
  /** Where a box that is carried would stand. */
  carried?: Rect | null;
  /** Boxes on their way to new places, where all are placed anew. */
  slide?: Slide | null;
  /** ms, for ages. */
  now: number;
}

/** What is drawn on: the page's canvas, or one that nobody sees yet. */
export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export const SANS = 'system-ui, -apple-system, "Segoe UI Variable Text", "Segoe UI", Roboto, "Noto Sans", sans-serif';
export const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
export const RADIUS = 7;
export const DIMMED = 0.42;
export const GHOST = 0.35;

/** How much larger text is on a small screen, px. */
const ROOMY = 2;

/** Something that is drawn piece by piece: between two of them there is time for something else. */
export type Pieces<T = void> = Generator<void, T>;

/** Does something with all of them; so many are a piece. */
export function* each<T>(items: Iterable<T>, visit: (item: T, i: number) => unknown, piece = 48): Pieces {
  let i = 0;
  for (const item of items) {
    visit(item, i);
    if (++i % piece === 0) yield;
  }
}

/** Those of many that are wanted. */
export function* sift<T>(items: readonly T[], wanted: (item: T) => boolean): Pieces<T[]> {
  const found: T[] = [];
  yield* each(items, (item) => wanted(item) && found.push(item), 1024);
  return found;
}

/** A canvas with the design's text, shapes and colours. Holds caches and the view of the frame. */
export class Brush {
  readonly ctx: Context;
  view!: View;
  readonly #paths = new Map<string, Path2D>();
  readonly #fitted = new Map<string, string>();

  constructor(ctx: Context) {
    this.ctx = ctx;
  }

  get k(): number {
    return this.view.camera.k;
  }

  colour(name: ColourName): string {
    return this.view.palette[name];
  }

  /** A length on screen as chart units. */
  px(n: number): number {
    return n / this.k;
  }

  /** A line width, head or dash: in detail there is more to read, not thicker lines. */
  thin(n: number): number {
    return n * Math.min(1, MAX_FIT / this.k);
  }

  /** Size of text that is 1:1 at card level and constant on screen in detail. */
  size(card: number, detail: number): number {
    const more = this.view.roomy ? ROOMY : 0;
    return this.view.level === 'detail' ? this.px(detail + more) : card + more;
  }

  /** Lines of 1 px sit on half pixels of the screen. */
  crisp(r: Rect): Rect {
    const { camera, dpr } = this.view;
    const step = camera.k * dpr;
    const snap = (v: number, offset: number): number => (Math.round(v * step + offset * dpr) + 0.5 - offset * dpr) / step;
    const x = snap(r.x, camera.x);
    const y = snap(r.y, camera.y);
    return { x, y, w: snap(r.x + r.w, camera.x) - x, h: snap(r.y + r.h, camera.y) - y };
  }

  /** The colours of the path that is shown. */
  get tone(): (typeof TONES)[Tone] {
    return TONES[this.view.traced?.tone ?? 'critical'];
  }

  /** A state's shape, `x` and `y` its middle. */
  state(status: StateName, x: number, y: number, size: number): void {
    const ctx = this.ctx;
    const shape = SHAPES[status];
    ctx.save();
    ctx.translate(x - size / 2, y - size / 2);
    ctx.scale(size / 14, size / 14);
    ctx.lineCap = 'round';
    for (const mark of shape.marks) {
      const colour = this.colour((mark.on ? shape.on : shape.colour).slice(2) as ColourName);
      ctx.setLineDash(mark.dash ? [...mark.dash] : []);
      if (mark.stroke > 0) {
        ctx.lineWidth = mark.stroke;
        ctx.strokeStyle = colour;
        ctx.stroke(this.path(mark.d));
      } else {
        ctx.fillStyle = colour;
        ctx.fill(this.path(mark.d));
      }
    }
    ctx.restore();
  }

  path(d: string): Path2D {
    let path = this.#paths.get(d);
    if (!path) this.#paths.set(d, (path = new Path2D(d)));
    return path;
  }

  round(r: Rect, radius: number): void {
    this.ctx.beginPath();
    this.ctx.roundRect(r.x, r.y, r.w, r.h, Math.min(radius, r.w / 2, r.h / 2));
  }

  /** A rectangle whose corners are cut off. */
  chamfer({ x, y, w, h }: Rect, cut: number): void {
    const c = Math.min(cut, w / 2, h / 2);
    const { ctx } = this;
    ctx.beginPath();
    ctx.moveTo(x + c, y);
    ctx.lineTo(x + w - c, y);
    ctx.lineTo(x + w, y + c);
    ctx.lineTo(x + w, y + h - c);
    ctx.lineTo(x + w - c, y + h);
    ctx.lineTo(x + c, y + h);
    ctx.lineTo(x, y + h - c);
    ctx.lineTo(x, y + c);
    ctx.closePath();
  }

  text(text: string, x: number, y: number, font: string, colour: ColourName, align: CanvasTextAlign = 'left'): void {
    const ctx = this.ctx;
    ctx.font = font;
    ctx.textAlign = align;
    ctx.textBaseline = 'middle';
    ctx.fillStyle = this.colour(colour);
    ctx.fillText(text, x, y);
  }

  /** Text that lines may run behind: with a halo in a ground's colour. */
  haloed(text: string, x: number, y: number, size: number, font: string, colour: ColourName, align: CanvasTextAlign, ground: ColourName = 'lane'): void {
    const { ctx } = this;
    ctx.font = font;
    ctx.textAlign = align;
    ctx.textBaseline = 'middle';
    ctx.lineJoin = 'round';
    ctx.lineWidth = size * 0.66;
    ctx.strokeStyle = this.colour(ground);
    ctx.strokeText(text, x, y);
    ctx.fillStyle = this.colour(colour);
    ctx.fillText(text, x, y);
  }

  width(text: string, font: string): number {
    this.ctx.font = font;
    return this.ctx.measureText(text).width;
  }

  /** The first of several wordings that fits whole; the last one is cut if it must be. */
  longest(texts: readonly string[], max: number, font: string): string {
    const whole = texts.find((t) => this.width(t, font) <= max);
    return whole ?? this.fit(texts.at(-1) ?? '', max, font);
  }

  /** The first of several wordings that fits whole: a sentence that is cut says nothing. None says ''. */
  whole(texts: readonly string[], max: number, font: string): string {
    return texts.find((t) => this.width(t, font) <= max) ?? '';
  }

  fit(text: string, max: number, font: string): string {
    const key = `${font}|${Math.floor(max * 2)}|${text}`;
    const known = this.#fitted.get(key);
    if (known !== undefined) return known;
    if (this.#fitted.size > 20_000) this.#fitted.clear();
    const fitted = truncateMiddle(text, max, (t) => this.width(t, font));
    this.#fitted.set(key, fitted);
    return fitted;
  }
}
