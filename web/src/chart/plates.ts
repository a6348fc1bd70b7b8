import { type Context, DIMMED, type Pieces, type Shown, type View } from './brush';
import { type Camera, type Size, visible } from './camera';
import { encloses, overlaps } from './hit';
import type { Renderer } from './render';
import type { Lane, Scene } from './scene';

/** The part of a frame that goes into the next picture, ms: less while something moves under somebody's hand. */
const SLICE = { moving: 5, still: 8 } as const;
/** For so long, ms, a canvas is told what to draw before it has to; that takes it two or three times as long. */
const TOLD_MS = 0.5;
/** After so long without a move the camera and the pointer are at rest. */
const REST_MS = 100;
/** The screens that a picture holds beside the one that is seen, across and down: it is drawn where the camera goes. */
const MARGIN = 0.3;
/** From so many pixels on there is no such margin: each picture takes four bytes of each. */
const MOST_PIXELS = 5e6;
/** So many lines are lit at once; the others come with the picture. */
const LIT = 600;
/** So often a picture is given up because the chart changed meanwhile; the next one is finished, old as it is. */
const PATIENCE = 3;

/** A canvas that nobody sees, and who draws on it. */
interface Easel {
  canvas: OffscreenCanvas;
  ctx: Context & OffscreenCanvasRenderingContext2D;
  renderer: Renderer;
}

/** What a picture shows. */
interface Subject {
  view: View;
  /** The version of the chart that it shows. */
  version: number;
}

/** A whole picture of a part of the chart, without the viewer's marks. */
interface Picture extends Subject {
  easel: Easel;
}

interface Job extends Picture {
  pieces: Pieces;
}

/** What a frame is put together of; the same is not drawn twice. */
type Composed = readonly unknown[];

/**
 * Pictures of a large chart. A frame shows the last picture at the place and scale of the
 * camera, and over it what is pointed at; the next picture is drawn meanwhile, in slices.
 * When camera and pointer rest, it is the one that `Renderer.draw` makes.
 */
export class Plates {
  readonly #ctx: Context;
  readonly #front: Renderer;
  readonly #clock: () => number;
  readonly #painter: (ctx: Context) => Renderer;
  /** The last whole picture in which nothing is pointed at. */
  #base: Picture | null = null;
  /** The last one in which something is. */
  #bright: Picture | null = null;
  #job: Job | null = null;
  /** The pixels of each canvas. */
  #side: Size = { w: 0, h: 0 };
  #spare: Easel[] = [];
  #dropped = 0;
  #composed: Composed = [];
  /** What was last asked for, and when it was last something else. */
  #asked: Pick<View, 'camera' | 'lit'> | null = null;
  #changed = -Infinity;
  /** The camera when the last picture was begun. */
  #began: Camera | null = null;

  constructor(ctx: Context, front: Renderer, clock: () => number, painter: (ctx: Context) => Renderer) {
    this.#ctx = ctx;
    this.#front = front;
    this.#clock = clock;
    this.#painter = painter;
  }

  /** Nothing of the pictures is worth anything any more: the next one is drawn at once. */
  clear(): void {
    this.#drop();
    for (const picture of [this.#base, this.#bright]) if (picture) this.#spare.push(picture.easel);
    this.#base = null;
    this.#bright = null;
    this.#composed = [];
  }

  /** Draws on the next picture for its part of a frame; returns whether one is still to come. */
  work(scene: Scene, view: View, version: number, now: number): boolean {
    if (!this.#fits(view)) this.#start(scene, view, version);
    const { camera, lit } = view;
    if (this.#asked && (this.#asked.camera !== camera || this.#asked.lit !== lit)) this.#changed = now;
    this.#asked = { camera, lit };
    const rests = now - this.#changed >= REST_MS;
    const wanted = rests ? this.#atRest(view, version) : this.#onTheWay(view, version);
    if (this.#job && !this.#isUseful(this.#job, wanted, version, rests)) this.#drop();
    if (!this.#job && wanted) this.#begin(scene, wanted, camera);
    if (this.#job) this.#slice(this.#job, rests ? SLICE.still : SLICE.moving);
    return this.#job !== null || !rests || this.#atRest(view, version) !== null;
  }

  /** Whether there is a picture to begin with: in these colours, of this size. */
  #fits({ palette, dpr, screen, roomy }: View): boolean {
    const base = this.#base?.view;
    return base !== undefined && base.palette === palette && base.dpr === dpr && base.roomy === roomy && this.#side.w === sideOf(screen, dpr).w && this.#side.h === sideOf(screen, dpr).h;
  }

  /** The first picture is drawn at once. */
  #start(scene: Scene, view: View, version: number): void {
    this.clear();
    const side = sideOf(view.screen, view.dpr);
    if (side.w !== this.#side.w || side.h !== this.#side.h) this.#spare = [];
    this.#side = side;
    this.#begin(scene, { view: plain(view), version }, view.camera);
    if (this.#job) this.#slice(this.#job, Infinity);
  }

  /** The level of what is shown. */
  level(view: View): View['level'] {
    return this.#shown(view)?.view.level ?? view.level;
  }

  /** Whether what is shown is the picture of just this. */
  isWhole(view: View, version: number): boolean {
    return this.#of(view)?.version === version;
  }

  /** Puts a frame onto the screen, unless it is there already; `again` where something was laid over it. */
  show(scene: Scene, view: View, again: boolean): void {
    const picture = this.#shown(view);
    const composed = [picture, view.camera, view.lit, view.pointed, view.selectedBox, view.keyboard, view.carried?.x, view.carried?.y];
    if (!picture || (!again && composed.every((part, i) => part === this.#composed[i]) && this.#composed.length > 0)) return;
    this.#composed = composed;
    if (isOf(picture, view)) this.#put(picture, view, 1);
    else {
      this.#sketch(scene, picture, view);
      this.#put(picture, view, view.lit ? DIMMED : 1);
      if (view.lit) this.#light(scene, view, view.lit);
    }
    this.#front.marks(view);
  }

  /** The picture of just this, of whatever age. */
  #of(view: View): Picture | null {
    return [this.#bright, this.#base].find((p) => p && isOf(p, view)) ?? null;
  }

  #shown(view: View): Picture | null {
    return this.#of(view) ?? this.#base;
  }

  /** What is still to be drawn where nothing moves: what is seen, then what it is without the pointer. */
  #atRest(view: View, version: number): Subject | null {
    const next = [view, plain(view)].find((v) => !this.isWhole(v, version));
    return next ? { view: next, version } : null;
  }

  /** What is drawn while the camera moves: nothing that is pointed at, and what will be seen in a moment. */
  #onTheWay(view: View, version: number): Subject | null {
    if (this.isWhole(plain(view), version)) return null;
    return { view: { ...plain(view), ...ahead(view.camera, this.#began, view.screen, marginOf(view.screen, view.dpr)) }, version };
  }

  /** A picture that was begun is finished, unless the chart changed or it shows what nobody looks at any more. */
  #isUseful(job: Job, wanted: Subject | null, version: number, rests: boolean): boolean {
    if (job.version !== version && this.#dropped < PATIENCE) return false;
    if (!rests) return job.view.lit === null;
    return wanted !== null && isOf(job, wanted.view);
  }

  #begin(scene: Scene, { view, version }: Subject, camera: Camera): void {
    const easel = this.#easel();
    const { ctx } = easel;
    const { w, h } = pixelsOf(view);
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.beginPath();
    ctx.rect(0, 0, w, h);
    ctx.clip();
    this.#began = camera;
    this.#job = { easel, view, version, pieces: easel.renderer.pieces(scene, view) };
  }

  /**
   * Draws for so long. What a canvas is told it may paint much later, all at once: reading a
   * pixel has it painted now, so that the clock shows what it costs.
   */
  #slice(job: Job, ms: number): void {
    const end = this.#clock() + ms;
    for (let now = this.#clock(), done = false; now < end && !done; now = this.#clock()) {
      do done = job.pieces.next().done ?? false;
      while (!done && this.#clock() < now + TOLD_MS);
      job.easel.ctx.getImageData(0, 0, 1, 1);
      if (!done) continue;
      this.#end(job);
      this.#dropped = 0;
      this.#keep(job);
    }
  }

  /** Gives up the picture that is being drawn. */
  #drop(): void {
    if (!this.#job) return;
    this.#dropped++;
    this.#spare.push(this.#job.easel);
    this.#end(this.#job);
  }

  /** Leaves the canvas as it was before, whatever was half drawn. */
  #end({ easel }: Job): void {
    easel.ctx.restore();
    easel.ctx.globalAlpha = 1;
    easel.ctx.setLineDash([]);
    this.#job = null;
  }

  #keep({ easel, view, version }: Picture): void {
    const before = view.lit ? this.#bright : this.#base;
    if (view.lit) this.#bright = { easel, view, version };
    else this.#base = { easel, view, version };
    if (before) this.#spare.push(before.easel);
  }

  #easel(): Easel {
    const spare = this.#spare.pop();
    if (spare) return spare;
    const canvas = new OffscreenCanvas(this.#side.w, this.#side.h);
    const ctx = canvas.getContext('2d', { willReadFrequently: true });
    if (!ctx) throw new Error('this browser gives no 2d canvas');
    return { canvas, ctx, renderer: this.#painter(ctx) };
  }

  /** What a picture doesn't show: the grounds, and boxes as blocks. */
  #sketch(scene: Scene, picture: Picture, view: View): void {
    const seen = visible(view.camera, view.screen);
    const known = visible(picture.view.camera, picture.view.screen);
    const boxes = encloses(known, seen) ? [] : scene.boxes.filter((b) => overlaps(b.rect, seen) && !encloses(known, b.rect));
    const lanes = scene.lanes.map((lane): Lane => ({ ...lane, title: '', subtitle: '', worst: 'NONE' }));
    this.#front.draw(partOf(scene, { boxes, lanes, edges: [], suspects: [], bundles: [] }), { ...view, level: 'dot', lit: null, kept: null, traced: null, pointed: null, selectedBox: null, carried: null });
  }

  /** What is pointed at, over a picture that stands back. */
  #light(scene: Scene, view: View, lit: Shown): void {
    const edges = [...lit.edges].slice(0, LIT);
    const bright = { boxes: lit.boxes, edges: new Set(edges) };
    const suspects = scene.suspects.filter((e) => bright.edges.has(e));
    this.#front.draw(partOf(scene, { boxes: [...lit.boxes], edges, suspects, bundles: [] }), { ...view, lit: bright, over: true, selectedBox: null, carried: null });
  }

  /** Lays a picture where its chart is seen now. Where it isn't scaled it stands on whole pixels, as it was drawn. */
  #put({ easel, view: of }: Picture, { camera, dpr }: View, alpha: number): void {
    const scale = camera.k / of.camera.k;
    const place = (to: number, from: number): number => (scale === 1 ? Math.round(dpr * (to - from)) : dpr * (to - from * scale));
    const { w, h } = pixelsOf(of);
    this.#ctx.setTransform(1, 0, 0, 1, 0, 0);
    this.#ctx.globalAlpha = alpha;
    this.#ctx.drawImage(easel.canvas, 0, 0, w, h, place(camera.x, of.camera.x), place(camera.y, of.camera.y), w * scale, h * scale);
    this.#ctx.globalAlpha = 1;
  }
}

/** The same without the pointer. */
function plain(view: View): View {
  return view.lit === null && view.pointed === null ? view : { ...view, lit: null, pointed: null };
}

/** Whether it shows just what is to be seen, of whatever age. */
function isOf({ view: a }: Subject, b: View): boolean {
  return a.camera.x === b.camera.x && a.camera.y === b.camera.y && a.camera.k === b.camera.k && a.screen.w === b.screen.w && a.screen.h === b.screen.h && a.level === b.level && a.lit === b.lit && a.pointed === b.pointed;
}

/** The same chart with other boxes, lines and grounds. */
function partOf(scene: Scene, parts: Partial<Scene>): Scene {
  return Object.create(scene, Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, { value }]))) as Scene;
}

function marginOf({ w, h }: Size, dpr: number): Size {
  return w * h * dpr * dpr > MOST_PIXELS ? { w: 0, h: 0 } : { w: Math.floor(w * MARGIN), h: Math.floor(h * MARGIN) };
}

/** The pixels that a picture has of its canvas. */
function pixelsOf({ screen, dpr }: View): Size {
  return { w: Math.ceil(screen.w * dpr), h: Math.ceil(screen.h * dpr) };
}

/** The pixels of a screen, and of its margin. */
function sideOf(screen: Size, dpr: number): Size {
  const margin = marginOf(screen, dpr);
  return { w: Math.ceil((screen.w + margin.w) * dpr), h: Math.ceil((screen.h + margin.h) * dpr) };
}

/**
 * What to draw for a camera that was elsewhere when the last picture was begun: the screen
 * and, where it goes on like that, what comes into it until the next two are done; `most` of it.
 */
export function ahead(camera: Camera, before: Camera | null, screen: Size, most: Size): { camera: Camera; screen: Size } {
  if (!before) return { camera, screen };
  const was = visible(before, screen);
  const side = (grown: number): number => Math.max(0, 2 * grown);
  const [left, right] = shared(side(was.x * camera.k + camera.x), side(screen.w - (was.x + was.w) * camera.k - camera.x), most.w);
  const [top, bottom] = shared(side(was.y * camera.k + camera.y), side(screen.h - (was.y + was.h) * camera.k - camera.y), most.h);
  return { camera: { k: camera.k, x: camera.x + left, y: camera.y + top }, screen: { w: screen.w + left + right, h: screen.h + top + bottom } };
}

/** Two sides in whole pixels, so that together they are no more than there is. */
function shared(a: number, b: number, most: number): [number, number] {
  const by = Math.min(1, most / Math.max(a + b, 1));
  return [Math.floor(a * by), Math.floor(b * by)];
}
