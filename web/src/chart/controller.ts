import {
  type Camera,
  type Point,
  type Rect,
  type Size,
  type ZoomLevel,
  between,
  centre,
  easeOut,
  fit,
  levelAt,
  pan,
  toChart,
  visible,
  zoomAt,
} from './camera';
import { encloses, overlaps, union } from './hit';
import { judgeOf, rank, suspectsOf } from '../state/health';
import { NO_SIGNALS, type Signals } from '../state/signals';
import type { Trace } from '../state/trace';
import type { Shown, Slide, Traced, View } from './brush';
import type { Palette } from './palette';
import type { Plates } from './plates';
import { rowKey } from './box';
import { Renderer } from './render';
import { type Hit, type Scene, type SceneBox, edgesOf, hitTest } from './scene';

const FLIGHT_MS = 240;
const FADE_MS = 120;
/** How long boxes take to their new places when all are placed anew. */
const TIDY_MS = 400;
const SETTLE_ZOOM = 1;
/** Bundles may be so old. */
const BUNDLES_MS = 5_000;
/** A chart of so many boxes and lines is drawn as pictures that are made in slices. */
const LARGE = 3_000;
/** Below this width the first look is at this node, unless all of the chart can be read. */
const NARROW = 640;
const NARROW_PAD = 8;
/** Air around a focus. */
const AROUND_PAD = 48;
/** At the top of the chart stands what is shown of it, px. */
const SAID = 40;
/** The smallest scale at which all of the chart is worth more than a part of it. */
const READABLE = 0.6;
/** What the first look at a part of the chart may be scaled to. */
const FIRST_LOOK = { least: 0.74, most: 1.15 };

/** An earlier frame that fades away. */
interface Fading {
  image: HTMLCanvasElement;
  camera: Camera;
  start: number;
}

/** What is selected, as the renderer needs it. */
export interface Marked {
  node: string;
  service: string;
  connection: string;
}

const NOTHING: Marked = { node: '', service: '', connection: '' };

/** Boxes whose tops differ by less start beside each other, chart units. */
const BESIDE = 120;
/** A lane on a narrow screen is not blown up further than that. */
const MAX_DOWN = 1.15;

interface Flight {
  from: Camera;
  to: Camera;
  start: number;
}

/**
 * The chart's canvas: camera, hover and frames. A frame is drawn only when
 * something changed. It outlives the canvas, so the camera is still there when
 * the viewer comes back from another page.
 */
export class ChartController {
  #canvas: HTMLCanvasElement | null = null;
  #renderer: Renderer | null = null;
  /** Of a large chart; without them each frame is drawn as a whole. */
  #plates: Plates | null = null;
  #loading = false;
  /** Counts what changed on the chart itself: pictures of an earlier one are out of date. */
  #version = 0;
  /** The version of the last picture that was all of the chart, as it is seen at rest. */
  #whole = -1;
  #scene: Scene | null = null;
  #palette: Palette | null = null;
  #camera: Camera | null = null;
  #size: Size = { w: 0, h: 0 };
  #level: ZoomLevel | null = null;
  #hover: Hit | null = null;
  #marked: Marked = NOTHING;
  #keyboard = false;
  #flight: Flight | null = null;
  /** The camera of the frame that is on the canvas. */
  #drawn: Camera | null = null;
  #goal: Rect | string | null = null;
  /** Boxes to fly to as soon as there is a canvas. */
  #wanted: { names: ReadonlySet<string>; covered: number } | null = null;
  #fading: Fading | null = null;
  #preview: Hit | null = null;
  /** Where the viewer was before the first preview. */
  #home: Camera | null = null;
  #moved = false;
  /** The next scene in which boxes moved from these places comes softly. */
  #soft: Omit<Slide, 't'> | null = null;
  /** The bundles of the frame that is on the canvas. */
  #lines: unknown = null;
  /** A frame that is only due after a while. */
  #later: ReturnType<typeof setTimeout> | null = null;
  /** What was wrong on it, as far as that is seen from far away. */
  #wrong = '';
  /** Where boxes and lanes were that are on their way to new places. */
  #slide: (Omit<Slide, 't'> & { start: number }) | null = null;
  /** A box that is carried, and by how much, chart units. */
  #carried: { box: SceneBox; dx: number; dy: number } | null = null;
  /** What the filter shows, by name, and of the scene; undefined until somebody asks. */
  #names: ReadonlySet<string> | null = null;
  #kept: Shown | null | undefined = undefined;
  /** The path of trouble that is shown, by name, and on the scene; undefined until somebody asks. */
  #trace: Trace | null = null;
  #traced: Traced | null | undefined = undefined;
  #signals: Signals = NO_SIGNALS;
  /** What is lit; the same as long as it is of the same things. */
  #light: Shown | null = null;
  readonly #watchers = new Set<() => void>();
  #frame = 0;
  #enlarged = 1;
  #reduced: () => boolean;

  /** `reduced` says whether the viewer asked for less motion. */
  constructor(reduced: () => boolean) {
    this.#reduced = reduced;
  }

  get camera(): Camera | null {
    return this.#camera;
  }

  get scene(): Scene | null {
    return this.#scene;
  }

  get size(): Size {
    return this.#size;
  }

  /** It shows a lane in its whole width: there is nothing aside to go to. */
  get upright(): boolean {
    const { w } = this.#size;
    return this.#scene !== null && this.#scene.down && this.#camera !== null && this.#scene.bounds.w * this.#camera.k <= w;
  }

  /** Calls after every frame: the camera, or what it looks at, changed. Returns the function that ends it. */
  watch(drawn: () => void): () => void {
    this.#watchers.add(drawn);
    return () => void this.#watchers.delete(drawn);
  }

  /** Brings a point of the chart into the middle, at once. */
  lookAt(at: Point): void {
    this.#move((camera) => centre(at, camera.k, this.#size));
  }

  /** By how much the page around the canvas is enlarged: so many more pixels it has. */
  set enlarged(by: number) {
    if (by === this.#enlarged) return;
    this.#enlarged = by;
    this.#size = { w: 0, h: 0 };
  }

  get #ratio(): number {
    return devicePixelRatio * this.#enlarged;
  }

  attach(canvas: HTMLCanvasElement): void {
    const ctx = canvas.getContext('2d');
    if (!ctx) throw new Error('this browser gives no 2d canvas');
    this.#canvas = canvas;
    // A new canvas has no size yet, even if it fills the same place.
    this.#size = { w: 0, h: 0 };
    this.#renderer = new Renderer(ctx);
    this.#loading = false;
    this.#load();
  }

  detach(): void {
    this.#stopWaiting();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    // A flight lands and a preview ends where the viewer will look again.
    this.#camera = this.#home ?? this.#flight?.to ?? this.#camera;
    this.#canvas = null;
    this.#renderer = null;
    this.#plates = null;
    this.#hover = null;
    this.#flight = null;
    this.#slide = null;
    this.#fading = null;
    this.#preview = null;
    this.#home = null;
  }

  setScene(scene: Scene | null): void {
    if (this.#soft && scene && movedFrom(this.#soft.boxes, scene)) {
      this.#slide = this.#reduced() ? null : { ...this.#soft, start: performance.now() };
      this.#soft = null;
    }
    const before = this.#scene;
    this.#scene = scene;
    if (scene?.boxes !== before?.boxes || scene?.edges !== before?.edges) {
      this.#kept = undefined;
      this.#traced = undefined;
    }
    this.#hover = this.#hover && scene ? sameThing(scene, this.#hover) : null;
    this.#preview = this.#preview && scene ? sameThing(scene, this.#preview) : null;
    this.#settle();
    this.#keepWhole();
    this.#load();
    const seen = before && scene ? this.#seen(before, scene) : 'all';
    if (seen === 'all') this.invalidate();
    else if (seen === 'bundles') this.#soon();
  }

  /** Gets what draws large charts, once there is one. */
  #load(): void {
    const { boxes = [], edges = [] } = this.#scene ?? {};
    const [renderer, ctx] = [this.#renderer, this.#canvas?.getContext('2d')];
    if (this.#loading || boxes.length + edges.length < LARGE || !renderer || !ctx || !('OffscreenCanvas' in window)) return;
    this.#loading = true;
    void import('./plates').then(({ Plates }) => {
      if (this.#renderer === renderer) this.#plates = new Plates(ctx, renderer, () => performance.now(), (on) => new Renderer(on));
    }, () => undefined);
  }

  /** What of a scene that the one before didn't have is seen from here. */
  #seen(before: Scene, { news, boxByName, bundles }: Scene): 'all' | 'bundles' | 'nothing' {
    if (!news || news.boxes || boxByName !== before.boxByName || this.#hover || this.#preview) return 'all';
    if (this.#level !== 'dot') return news.edges || news.trouble ? 'all' : 'nothing';
    if (this.#marked.connection !== '' || (news.trouble && this.#wrong !== this.#wrongNow())) return 'all';
    return bundles === this.#lines ? 'nothing' : 'bundles';
  }

  /** Draws for the sake of how wide bundles are, which nobody looks at: a while after the last frame. */
  #soon(): void {
    this.#later ??= setTimeout(() => {
      this.#later = null;
      this.invalidate();
    }, BUNDLES_MS);
  }

  #stopWaiting(): void {
    if (this.#later !== null) clearTimeout(this.#later);
    this.#later = null;
  }

  /** What is wrong, and how badly: all that is seen of it from far away. */
  #wrongNow(): string {
    const source = this.#scene?.source;
    if (!source) return '';
    const judge = judgeOf(source, Date.now());
    const { connections, services } = suspectsOf(source);
    return [...connections.map((c) => `${c.id} ${rank(judge.connection(c))}`), ...services.map((s) => `${s.id} ${rank(judge.service(s))}`)].sort().join();
  }

  /** Draws at once, in other colours: paper does not wait for the next frame. */
  drawNow(palette: Palette): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#palette = palette;
    this.#plates?.clear();
    this.#draw(performance.now());
  }

  setPalette(palette: Palette): void {
    this.#palette = palette;
    this.invalidate();
  }

  /** CSS pixels. Until the viewer moved the camera, the chart stays fitted. */
  resize(size: Size): void {
    if (size.w === this.#size.w && size.h === this.#size.h) return;
    this.#size = size;
    const canvas = this.#canvas;
    if (canvas) {
      canvas.width = Math.round(size.w * this.#ratio);
      canvas.height = Math.round(size.h * this.#ratio);
    }
    if (!this.#moved) this.#camera = null;
    this.#settle();
    this.invalidate();
  }

  mark(marked: Marked, keyboard: boolean): void {
    const { node, service, connection } = this.#marked;
    if (node === marked.node && service === marked.service && connection === marked.connection && keyboard === this.#keyboard) return;
    this.#marked = marked;
    this.#keyboard = keyboard;
    // A box is only ringed, but for one that all use: its lines are drawn where it is selected.
    const alone = [node, marked.node].every((name) => !this.#scene?.boxByName.get(name)?.node.shared);
    if (alone && service === marked.service && connection === marked.connection) this.#again();
    else this.invalidate();
  }

  /** A new kind of chart: look at all of it again. */
  reset(): void {
    this.#moved = false;
    this.#camera = null;
    this.#level = null;
    this.#plates?.clear();
  }

  pan(dx: number, dy: number): void {
    this.#move((camera) => pan(camera, dx, dy));
  }

  /** Zooms around `at` (screen), or the middle. */
  zoom(factor: number, at?: Point): void {
    this.#move((camera) => zoomAt(camera, factor, at ?? { x: this.#size.w / 2, y: this.#size.h / 2 }));
  }

  fit(): void {
    if (this.#scene) this.#fly(this.#scene.down ? topOf(this.#scene, this.#size) : fit(this.#scene.bounds, this.#size));
    this.#moved = false;
  }

  /** Flies to a node; if there is no canvas yet, as soon as there is one. */
  focus(rect: Rect): void {
    this.#goal = rect;
    this.#settle();
    this.#again();
  }

  /** Flies to a box by its name, as soon as it is on the chart. */
  focusOn(name: string): void {
    this.#goal = name;
    this.#settle();
    this.#again();
  }

  /** Flies to a node and what is around it: all of that where it can be read so, else the node in the middle. */
  focusAround(name: string, names: ReadonlySet<string>): void {
    const scene = this.#scene;
    const box = scene?.boxByName.get(name);
    if (!scene || !box) return;
    const all = union(scene.boxes.filter((b) => b === box || names.has(b.node.name)).map((b) => b.rect));
    const whole = fit(all, this.#size, AROUND_PAD);
    this.#moved = true;
    if (whole.k >= READABLE) this.#fly(whole);
    else this.focus(box.rect);
  }

  /**
   * Moves the camera only if a part of the chart is not in view. `covered` is the share of the
   * height, from below, that a sheet lies over.
   */
  reveal(rect: Rect, covered = 0): void {
    const camera = this.#camera;
    if (!camera) return;
    const free = { w: this.#size.w, h: this.#size.h * (1 - covered) };
    const { x, y, w, h } = rect;
    const left = x * camera.k + camera.x;
    const top = y * camera.k + camera.y;
    const inside =
      left >= 8 && top >= 8 && left + w * camera.k <= free.w - 8 && top + h * camera.k <= free.h - 8;
    if (!inside) this.#fly(centre({ x: x + w / 2, y: y + h / 2 }, camera.k, free));
  }

  /**
   * Shows a search hit without going there: all else is dimmed, and the camera comes
   * only if it is out of view or under what covers the chart (`covered`, in the window).
   * An unknown node, such as '', ends it and takes the viewer back.
   */
  preview(node: string, service = '', covered?: DOMRect): void {
    const box = this.#scene?.boxByName.get(node);
    if (!this.#canvas || !box) {
      this.#endPreview();
      return;
    }
    const row = service === '' ? undefined : box.rows.find((r) => r.service?.id === service);
    this.#preview = row ? { kind: 'row', box, row } : { kind: 'box', box };
    this.#home ??= this.#camera;
    this.#uncover(box.rect, covered && within(covered, this.#canvas.getBoundingClientRect()));
    this.#again();
  }

  /** Brings a part of the chart where nothing lies over it, if there is such a place. */
  #uncover(rect: Rect, covered: Rect = { x: 0, y: 0, w: 0, h: 0 }): void {
    const camera = this.#camera;
    if (!camera) return;
    const { k } = camera;
    const shown = { x: rect.x * k + camera.x, y: rect.y * k + camera.y, w: rect.w * k, h: rect.h * k };
    const { w, h } = this.#size;
    const inside = shown.x >= 0 && shown.y >= 0 && shown.x + shown.w <= w && shown.y + shown.h <= h;
    if (inside && (covered.w === 0 || !overlaps(shown, covered))) return;
    const free = largestBeside(covered, this.#size);
    const to = centre({ x: rect.x + rect.w / 2, y: rect.y + rect.h / 2 }, k, free);
    this.#fly({ k, x: to.x + free.x, y: to.y + free.y });
  }

  #endPreview(): void {
    const home = this.#home;
    this.#preview = null;
    this.#home = null;
    if (home) this.#fly(home);
  }

  /** What lies at a point of the screen. */
  hit(at: Point): Hit | null {
    if (!this.#scene || !this.#camera) return null;
    return hitTest(this.#scene, toChart(this.#camera, at), this.#camera.k);
  }

  hover(hit: Hit | null): void {
    if (sameHit(this.#hover, hit)) return;
    this.#hover = hit;
    this.#again();
  }

  /** Something on the chart is otherwise now. */
  invalidate(): void {
    this.#version++;
    this.#again();
  }

  /** Asks for another frame: it is looked at otherwise. */
  #again(): void {
    if (this.#frame !== 0 || !this.#canvas) return;
    this.#frame = requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#draw(now);
    });
  }

  #move(change: (camera: Camera) => Camera): void {
    if (!this.#camera) return;
    this.#flight = null;
    this.#goal = null;
    this.#moved = true;
    this.#camera = change(this.#camera);
    this.#again();
  }

  #fly(to: Camera): void {
    const from = this.#camera;
    if (!from || this.#reduced()) this.#camera = to;
    else this.#flight = { from, to, start: performance.now() };
    this.#again();
  }

  /** Gives the camera its first place, and starts a flight that was waiting for one. */
  #settle(): void {
    const scene = this.#scene;
    if (!scene || this.#size.w === 0 || scene.boxes.length === 0) return;
    this.#camera ??= firstLook(scene, this.#size);
    const wanted = this.#wanted;
    this.#wanted = null;
    if (wanted) this.focusAll(wanted.names, wanted.covered);
    const goal = typeof this.#goal === 'string' ? scene.boxByName.get(this.#goal)?.rect : this.#goal;
    if (!goal) return;
    this.#goal = null;
    this.#moved = true;
    const k = Math.max(this.#camera.k, SETTLE_ZOOM);
    this.#fly(centre({ x: goal.x + goal.w / 2, y: goal.y + goal.h / 2 }, k, this.#size));
  }

  /** Who looks at all of the chart goes on to do so where it grows. */
  #keepWhole(): void {
    const scene = this.#scene;
    if (this.#moved || this.#preview || !scene || this.#size.w < NARROW) return;
    const camera = this.#flight?.to ?? this.#camera;
    if (!camera || encloses(visible(camera, this.#size), scene.bounds)) return;
    const whole = fit(scene.bounds, this.#size);
    // The largest charts are never whole: no flight from a place to itself.
    if (whole.k !== camera.k || whole.x !== camera.x || whole.y !== camera.y) this.#fly(whole);
  }

  #draw(now: number): void {
    this.#advance(now);
    const { w, h } = this.#size;
    if (!this.#renderer || !this.#scene || !this.#palette || !this.#camera || w === 0 || h === 0) return;
    const slid = this.#slide !== null;
    const view = this.#view(this.#scene, this.#palette, this.#camera, now);
    // Boxes that are on their way are elsewhere in each frame: no picture of them can be used again.
    if (slid) this.#plates?.clear();
    if (this.#plates && !slid) this.#compose(this.#plates, this.#scene, view, now);
    else this.#drawAll(this.#renderer, this.#scene, view, now);
    this.#drawn = this.#camera;
    this.#fade(now);
    for (const drawn of this.#watchers) drawn();
  }

  #view(scene: Scene, palette: Palette, camera: Camera, now: number): View {
    const { w } = this.#size;
    const carried = this.#carried;
    return {
      camera,
      screen: this.#size,
      dpr: this.#ratio,
      level: levelAt(camera.k, this.#level),
      palette,
      lit: this.#lit(scene),
      kept: this.#shown(scene),
      traced: this.#path(scene),
      signals: this.#signals,
      slide: this.#sliding(now),
      pointed: this.#hover?.kind === 'edge' ? this.#hover.edge : null,
      selectedBox: scene.boxByName.get(this.#marked.node) ?? null,
      selectedRow: this.#marked.service,
      selectedEdge: this.#marked.connection,
      keyboard: this.#keyboard,
      roomy: w < NARROW,
      now: Date.now(),
      carried: carried && { ...carried.box.rect, x: carried.box.rect.x + carried.dx, y: carried.box.rect.y + carried.dy },
    };
  }

  /** A frame that is drawn as a whole. */
  #drawAll(renderer: Renderer, scene: Scene, view: View, now: number): void {
    this.#changeLevel(view.level, now);
    renderer.draw(scene, view);
    this.#seeWhole(scene);
  }

  /** A frame that shows the last picture, while the next one is drawn. */
  #compose(plates: Plates, scene: Scene, view: View, now: number): void {
    const more = plates.work(scene, view, this.#version, now);
    this.#changeLevel(plates.level(view), now);
    plates.show(scene, view, this.#fading !== null);
    if (more) this.#again();
    if (this.#whole !== this.#version && plates.isWhole(view, this.#version)) this.#seeWhole(scene);
  }

  /** What is seen of the chart is all that there is. */
  #seeWhole(scene: Scene): void {
    this.#whole = this.#version;
    if (this.#level !== 'dot') return;
    this.#lines = scene.bundles;
    this.#stopWaiting();
    this.#wrong = this.#wrongNow();
  }

  /** How far boxes have come that are on their way. */
  #sliding(now: number): Slide | null {
    const slide = this.#slide;
    if (!slide) return null;
    const t = Math.min(1, Math.max(0, (now - slide.start) / TIDY_MS));
    if (t >= 1) this.#slide = null;
    else this.#again();
    return t >= 1 ? null : { boxes: slide.boxes, lanes: slide.lanes, t: easeOut(t) };
  }

  /** Keeps the last frame of the level that is left, to fade it out over the new one. */
  #changeLevel(level: ZoomLevel, now: number): void {
    const before = this.#level;
    this.#level = level;
    if (before === null || before === level || !this.#canvas || !this.#drawn || this.#reduced()) return;
    const image = this.#canvas.cloneNode() as HTMLCanvasElement;
    image.getContext('2d')?.drawImage(this.#canvas, 0, 0);
    this.#fading = { image, camera: this.#drawn, start: now };
  }

  /** Boxes are about to be placed anew: they slide to their places. */
  soften(): void {
    const scene = this.#scene;
    this.#soft = scene && { boxes: placesOf(scene), lanes: new Map(scene.lanes.map((l) => [l.title, l.rect])) };
  }

  /** Carries the box by so much of the screen; it stays where it is until it is put down. */
  carry(box: SceneBox, dx: number, dy: number): void {
    const k = this.#camera?.k ?? 1;
    this.#carried = { box, dx: (this.#carried?.dx ?? 0) + dx / k, dy: (this.#carried?.dy ?? 0) + dy / k };
    this.#again();
  }

  /** Ends it: which box was carried, and where its corner is now. */
  putDown(): { name: string; x: number; y: number } | null {
    const carried = this.#carried;
    this.#carried = null;
    this.#again();
    if (!carried) return null;
    const { box, dx, dy } = carried;
    return { name: box.node.name, x: Math.round(box.rect.x + dx), y: Math.round(box.rect.y + dy) };
  }

  #fade(now: number): void {
    const fading = this.#fading;
    if (!fading) return;
    const left = 1 - (now - fading.start) / FADE_MS;
    if (left > 0) {
      this.#renderer?.overlay(fading.image, fading.camera, Math.min(1, left));
      this.#again();
    } else this.#fading = null;
  }

  #advance(now: number): void {
    const flight = this.#flight;
    if (!flight) return;
    const t = Math.min(1, Math.max(0, (now - flight.start) / FLIGHT_MS));
    this.#camera = between(flight.from, flight.to, easeOut(t), this.#size);
    if (t >= 1) this.#flight = null;
    else this.#again();
  }

  /** Narrows the chart to some boxes and the connections between them; null shows all. The camera stays. */
  show(names: ReadonlySet<string> | null): void {
    this.#names = names;
    this.#kept = undefined;
    this.invalidate();
  }

  /** Shows the path of trouble; null takes it away. The camera stays. */
  trace(trace: Trace | null): void {
    if (trace === this.#trace) return;
    this.#trace = trace;
    this.#traced = undefined;
    this.#kept = undefined;
    this.invalidate();
  }

  /** What dotm's own checks say of connections. */
  signal(signals: Signals): void {
    const same = JSON.stringify([...signals]) === JSON.stringify([...this.#signals]);
    this.#signals = signals;
    if (!same) this.invalidate();
  }

  /** The clock went on: ages and what is in trouble may read otherwise, of which far away only the latter is seen. */
  tick(): void {
    if (this.#level !== 'dot' || this.#wrong !== this.#wrongNow()) this.invalidate();
  }

  /** Flies to where all of some boxes are in view; not nearer than they are read. `covered` is the share of the height, from below, that a sheet lies over. */
  focusAll(names: ReadonlySet<string>, covered = 0): void {
    const scene = this.#scene;
    const rects = scene?.boxes.filter((b) => names.has(b.node.name)).map((b) => b.rect) ?? [];
    if (rects.length === 0) return;
    if (this.#size.w === 0 || !this.#camera) {
      this.#wanted = { names, covered };
      return;
    }
    this.#moved = true;
    const narrow = this.#size.w < NARROW;
    const free = { w: this.#size.w, h: this.#size.h * (1 - covered) - SAID };
    const all = fit(union(rects), free, narrow ? 2 * NARROW_PAD : AROUND_PAD);
    const to = all.k > SETTLE_ZOOM ? centre(middleOf(union(rects)), SETTLE_ZOOM, free) : all;
    this.#fly({ ...to, y: to.y + SAID });
  }

  /** What the filter and the path show of the scene; looked up once a scene. */
  #shown(scene: Scene): Shown | null {
    if (this.#kept !== undefined) return this.#kept;
    const kept = this.#names && shownOf(scene, this.#names);
    const trace = this.#trace?.fades ? this.#trace : null;
    this.#kept = trace ? pathOf(scene, trace, kept) : kept;
    return this.#kept;
  }

  #path(scene: Scene): Traced | null {
    if (this.#traced === undefined) this.#traced = this.#trace && tracedOn(scene, this.#trace);
    return this.#traced;
  }

  #lit(scene: Scene): Shown | null {
    const hit = this.#preview ?? this.#hover;
    if (!hit) return (this.#light = null);
    const edges = new Set(edgesOf(scene, hit));
    const boxes = new Set([...edges].flatMap((e) => [e.client, e.server]));
    if (hit.kind !== 'edge') boxes.add(hit.box);
    const before = this.#light;
    return (this.#light = before && isSame(before.edges, edges) && isSame(before.boxes, boxes) ? before : { boxes, edges });
  }
}

function isSame<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}

/** Boxes by name, and the connections between them. */
function shownOf(scene: Scene, names: ReadonlySet<string>): Shown {
  const boxes = new Set(scene.boxes.filter((b) => names.has(b.node.name)));
  return { boxes, edges: new Set(scene.edges.filter((e) => boxes.has(e.client) && boxes.has(e.server))) };
}

/** Of a path its boxes and edges alone; of what a filter shows, those of the path. */
function pathOf(scene: Scene, trace: Trace, kept: Shown | null): Shown {
  const boxes = new Set(scene.boxes.filter((b) => trace.boxes.has(b.node.name) && (!kept || kept.boxes.has(b))));
  return { boxes, edges: new Set(scene.edges.filter((e) => trace.edges.has(e.connection.id) && (!kept || kept.edges.has(e)))) };
}

function tracedOn(scene: Scene, { tags, predicted, edges, tone }: Trace): Traced {
  const named = <T>(names: Iterable<readonly [string, T]>): [SceneBox, T][] =>
    [...names].flatMap(([name, what]) => {
      const box = scene.boxByName.get(name);
      return box ? [[box, what] as [SceneBox, T]] : [];
    });
  return {
    tone,
    tags: new Map(named(tags)),
    predicted: new Set(named([...predicted].map((name) => [name, true] as const)).map(([box]) => box)),
    edges: new Map(edges.size === 0 ? [] : scene.edges.flatMap((e) => (edges.has(e.connection.id) ? [[e, edges.get(e.connection.id) ?? 'travels'] as const] : []))),
  };
}

function middleOf({ x, y, w, h }: Rect): Point {
  return { x: x + w / 2, y: y + h / 2 };
}

/** Where each box stands. */
function placesOf(scene: Scene): Map<string, Rect> {
  return new Map(scene.boxes.map((b) => [b.node.name, b.rect]));
}

/** Whether a box stands elsewhere than it did. */
function movedFrom(places: ReadonlyMap<string, Rect>, { boxes }: Scene): boolean {
  return boxes.some(({ node, rect }) => {
    const was = places.get(node.name);
    return was !== undefined && (was.x !== rect.x || was.y !== rect.y);
  });
}

/**
 * All of the chart, if it can be read so. Else, on a narrow screen, this node: from
 * the chart's left edge if this node is near it, so that who calls it is in view.
 */
function firstLook(scene: Scene, size: Size): Camera {
  if (scene.down) return topOf(scene, size);
  const all = fit(scene.bounds, size, size.w < NARROW ? NARROW_PAD : undefined);
  const home = scene.boxes.find((b) => b.node.this) ?? scene.boxes.find((b) => b.node.state === 'reporting');
  if (size.w >= NARROW || all.k >= READABLE || !home) return all;
  const { rect } = home;
  const left = Math.min(...scene.boxes.map((b) => b.rect.x));
  // The lane's name begins a little left of its first box.
  const whole = (size.w - 3 * NARROW_PAD) / (rect.x + rect.w - left);
  const near = whole >= FIRST_LOOK.least;
  const k = near ? Math.min(whole, FIRST_LOOK.most) : 1;
  const x = near ? 2 * NARROW_PAD - left * k : size.w / 2 - (rect.x + rect.w / 2) * k;
  const beside = scene.boxes.filter((b) => b.rect.x <= rect.x && Math.abs(b.rect.y - rect.y) < BESIDE);
  return { k, x, y: firstTop(scene.bounds, rect, Math.min(...beside.map((b) => b.rect.y)), k, size.h) };
}

/** As wide as the page, from its top: what runs down it is read by scrolling. */
function topOf({ bounds }: Scene, size: Size): Camera {
  const k = Math.min((size.w - 2 * NARROW_PAD) / Math.max(bounds.w, 1), MAX_DOWN);
  return { k, x: size.w / 2 - (bounds.x + bounds.w / 2) * k, y: NARROW_PAD - bounds.y * k };
}

/** The chart's top if this node then fits, else this node in the middle, else the top of what starts beside it. */
function firstTop(bounds: Rect, home: Rect, beside: number, k: number, height: number): number {
  const top = NARROW_PAD - bounds.y * k;
  if ((home.y + home.h) * k + top <= height - NARROW_PAD) return bounds.h * k < height ? (height - bounds.h * k) / 2 - bounds.y * k : top;
  if (home.h * k > height) return NARROW_PAD - beside * k;
  return height / 2 - (home.y + home.h / 2) * k;
}

/** A rectangle of the window, in the canvas’s own pixels. */
function within(rect: DOMRect, canvas: DOMRect): Rect {
  return { x: rect.x - canvas.x, y: rect.y - canvas.y, w: rect.width, h: rect.height };
}

/** The largest part of the screen left of, right of, above or below something. */
function largestBeside(covered: Rect, { w, h }: Size): Rect {
  const right = covered.x + covered.w;
  const below = covered.y + covered.h;
  const strips = [
    { x: right, y: 0, w: w - right, h },
    { x: 0, y: 0, w: covered.x, h },
    { x: 0, y: below, w, h: h - below },
    { x: 0, y: 0, w, h: covered.y },
  ];
  const area = (r: Rect): number => Math.max(0, r.w) * Math.max(0, r.h);
  return strips.reduce((best, strip) => (area(strip) > area(best) ? strip : best));
}

function sameHit(a: Hit | null, b: Hit | null): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  if (a.kind === 'edge') return b.kind === 'edge' && a.edge === b.edge;
  if (b.kind === 'edge' || a.box !== b.box) return false;
  return (a.kind === 'row' ? a.row : null) === (b.kind === 'row' ? b.row : null);
}

/** The hovered thing in a newer scene, so that a delta doesn't end the hover. */
function sameThing(scene: Scene, hit: Hit): Hit | null {
  if (hit.kind === 'edge') {
    const edge = scene.edges.find((e) => e.connection.id === hit.edge.connection.id);
    return edge ? { kind: 'edge', edge } : null;
  }
  const box = scene.boxByName.get(hit.box.node.name);
  if (!box) return null;
  if (hit.kind === 'box') return { kind: 'box', box };
  const row = box.rows.find((r) => rowKey(r.row) === rowKey(hit.row.row));
  return row ? { kind: 'row', box, row } : { kind: 'box', box };
}
