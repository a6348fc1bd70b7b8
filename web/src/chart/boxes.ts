import type { ChartNode, Member, NodeKind, NodeState, Status } from '../api/types';
import { figure, isAddress, plural, span } from '../lib/format';
import { CONTAINER, PIN, VIRTUAL } from '../parts/Icon';
import { MARK_SHAPES, type StateName, shapeOf, stateOf } from '../parts/shapes';
import { openOf, severity, signOf } from '../state/checks';
import type { Mark } from '../state/compare';
import { serviceTroubles } from '../state/health';
import { holderWord } from '../state/fleet';
import type { Tag } from '../state/trace';
import { type Topology, containerName, isMany } from '../state/topology';
import { isMute, peersOf } from '../state/words';
import { type Brush, DIMMED, MONO, type Pieces, RADIUS, SANS, each } from './brush';
import type { Rect } from './camera';
import { held } from './course';
import { Grid, contains, overlaps } from './hit';
import type { ColourName } from './palette';
import { HEADER, ROW, type Scene, type SceneBox, type SceneRow } from './scene';

/** The outline of a box in trouble; healthy, unchecked and consequential states have none. */
const OUTLINES: Partial<Record<Status, ColourName>> = {
  DOWN: 'critical',
  CRITICAL: 'critical',
  WARNING: 'warning-line',
  UNKNOWN: 'unknown',
};

const GROUNDS: Partial<Record<Status, ColourName>> = {
  DOWN: 'critical-bg',
  CRITICAL: 'critical-bg',
  WARNING: 'warning-bg',
  UNKNOWN: 'unknown-bg',
};

const KIND_TAGS: Partial<Record<NodeKind, string>> = { container: 'container' };

/** The marks before a name: what is no host is told by its shape. */
const MARKS: Partial<Record<NodeKind, string>> = { container: CONTAINER, virtual: VIRTUAL };

/** What is written on a block in trouble. */
const ON: Partial<Record<ColourName, ColourName>> = { critical: 'critical-on', 'warning-line': 'warning-on' };

/** How a box that differs from another moment is outlined. */
const MARKED: Readonly<Record<Mark, ColourName>> = {
  appeared: 'appeared',
  returned: 'appeared',
  changed: 'accent',
  vanished: 'vanished',
  absent: 'vanished',
  unexpected: 'warning-line',
  forbidden: 'critical',
  missing: 'vanished',
};

/** The grounds of the rows of services that differ. */
const ROW_GROUNDS: Partial<Record<Mark, ColourName>> = { appeared: 'appeared-bg', returned: 'appeared-bg', changed: 'accent-bg' };

/** The side of the cells by which names beside boxes find each other, px. */
const NAMES_CELL = 80;

/** Between two lines of a hatch. */
const HATCH = 6;

/** What is cut off the corners of a virtual address. */
const CUT = 9;

/** The mark before a name: its side and the gap after it, and the most of the header that its host's name takes. */
const MARK = { side: 12, gap: 5, host: 0.45 };

/** How far a header's two lines stand above and below its middle, where it needs two. */
const UNDER = { up: 4.5, down: 7 };

/** The height from which a box without rows has room for a second line. */
const SECOND_LINE = HEADER + 14;

/** What a box says that never reported, by the room there is. */
const UNREPORTED = ['does not report', 'no report', 'silent'] as const;

/** What a row says whose process is there and not named. */
const UNNAMED = ['name hidden', 'hidden'] as const;

/** What stands before how long a box has been away that said so. */
const AWAY: Partial<Record<NodeState, string>> = { left: 'off ', rebooting: 'reboots ', stopped: 'stopped ' };

/** Where the Internet's globe, name and count stand in its box. */
const GLOBE = 'M11 0A11 11 0 1 1 -11 0A11 11 0 1 1 11 0ZM-11 0H11M0 -11C7 -5 7 5 0 11C-7 5 -7 -5 0 -11Z';

/** Draws the boxes: as blocks, names, cards or in detail. */
export class BoxPainter {
  readonly #brush: Brush;
  #open: ReadonlyMap<SceneBox, number> = new Map();
  /** What it was counted on. */
  #counted: Topology | null = null;
  #drawn: Scene | null = null;
  /** Where this frame wrote names beside their boxes: none may touch another. */
  #names = new Grid<Rect>();

  constructor(brush: Brush) {
    this.#brush = brush;
  }

  /** Draws the boxes that `area` touches; pauses after each piece of work. */
  *draw(scene: Scene, area: Rect): Pieces {
    const { level, slide, lit, kept } = this.#brush.view;
    if (level !== 'dot' && this.#counted !== scene.source) {
      this.#open = openAtInternet(scene);
      this.#counted = scene.source;
    }
    this.#drawn = scene;
    this.#names = new Grid(this.#brush.px(NAMES_CELL));
    const near = scene.boxes.filter((box) => slide || overlaps(box.rect, area));
    if (level === 'dot' && !slide && !lit && !kept) yield* this.#blocks(near);
    else yield* each(near, (box) => this.#box(box), level === 'dot' ? 96 : 8);
    // Over all boxes: one may stand where the tag is.
    for (const [box, tag] of this.#brush.view.traced?.tags ?? []) this.#causeTag(box, tag);
    if (level === 'dot') this.#troubleNames(scene, near);
  }

  /** From far away only boxes in trouble have names: the worst first, as far as they don't cover each other. */
  #troubleNames(scene: Scene, boxes: readonly SceneBox[]): void {
    const { kept, lit } = this.#brush.view;
    const ill = boxes.filter((b) => OUTLINES[openOf(b.node)] && (!kept || kept.boxes.has(b)) && (!lit || lit.boxes.has(b)));
    ill.sort((a, b) => severity(openOf(b.node)) - severity(openOf(a.node)));
    const size = this.#brush.px(11);
    const font = `600 ${size}px ${SANS}`;
    // The other boxes are empty from here: a name may lie over them.
    for (const { rect } of ill) this.#names.add(rect, rect);
    for (const { node, rect, lane } of ill) {
      const colour = OUTLINES[openOf(node)] ?? 'critical';
      const name = namesIn(node, lane).find((n) => this.#brush.width(n, font) <= rect.w - this.#brush.px(4)) ?? '';
      if (name !== '' && colour === 'critical' && rect.h >= size * 1.2) this.#brush.text(name, rect.x + rect.w / 2, rect.y + rect.h / 2, font, ON[colour] ?? 'surface', 'center');
      else this.#outside(scene, rect, shortName(node), size, font, 'ink', true);
    }
  }

  /** A name below or above its box, where it covers no other, or with `over` only empty ones; whether there was room. */
  #outside(scene: Scene, rect: Rect, name: string, size: number, font: string, colour: ColourName, over = false): boolean {
    // Names beside each other are told apart by a gap as wide as a letter.
    const w = this.#brush.width(name, font) + size * 1.2;
    const x = rect.x + rect.w / 2;
    for (const y of [rect.y + rect.h + size * 0.8, rect.y - size * 0.8]) {
      const place = { x: x - w / 2, y: y - size * 0.55, w, h: size * 1.1 };
      const free = !this.#names.near(place).some((t) => overlaps(t, place)) && (over || !scene.boxGrid.near(place).some((b) => overlaps(b.rect, place)));
      if (!free) continue;
      this.#names.add(place, place);
      this.#brush.haloed(name, x, y, size, font, colour, 'center', scene.lanes.some((l) => contains(l.rect, { x, y })) ? 'lane' : 'bg');
      return true;
    }
    return false;
  }

  #box(box: SceneBox): void {
    const alpha = this.#away(box) ? DIMMED : 1;
    const { ctx } = this.#brush;
    const was = this.#brush.view.slide?.boxes.get(box.node.name);
    if (!was) {
      this.#still(box, alpha);
      return;
    }
    const left = 1 - (this.#brush.view.slide?.t ?? 1);
    ctx.save();
    ctx.translate((was.x - box.rect.x) * left, (was.y - box.rect.y) * left);
    this.#still(box, alpha);
    ctx.restore();
  }

  /** A box where it stands. */
  #still(box: SceneBox, alpha: number): void {
    this.#brush.ctx.globalAlpha = alpha;
    const tag = this.#brush.view.traced?.tags.get(box);
    if (tag?.sure) this.#halo(box);
    if (this.#brush.view.level === 'dot') this.#block(box);
    else {
      this.#ground(box);
      if (this.#brush.view.level === 'tag') this.#tag(box);
      else this.#card(box);
    }
    if (box.mark && this.#brush.view.level !== 'dot') this.#badge(box, box.mark);
    if (box.node.layout.pinned && this.#brush.view.level !== 'dot') this.#pin(box);
    if (this.#brush.view.traced?.predicted.has(box)) this.#foreseen(box);
    this.#brush.ctx.globalAlpha = 1;
  }

  /** Around the likely cause. */
  #halo({ node, rect }: SceneBox): void {
    const { ctx } = this.#brush;
    const alpha = ctx.globalAlpha;
    const wide = Math.max(this.#brush.thin(6), this.#brush.px(6));
    this.#outline(node, rect, wide / 2);
    ctx.lineWidth = wide;
    ctx.strokeStyle = this.#brush.colour(this.#brush.tone.line);
    ctx.globalAlpha = alpha * 0.18;
    ctx.stroke();
    ctx.globalAlpha = alpha;
    this.#outline(node, rect, 0);
    ctx.lineWidth = 2 * Math.max(this.#brush.thin(2), this.#brush.px(2));
    ctx.stroke();
  }

  /** Which cause it is, over its left corner, or where else beside its box no name is: at one size whatever the zoom. */
  #causeTag(box: SceneBox, { text, sure }: Tag): void {
    const { rect } = box;
    const brush = this.#brush;
    const { ctx } = brush;
    const size = brush.px(brush.view.roomy ? 12.5 : 11);
    const font = `600 ${size}px ${SANS}`;
    const h = size * 1.6;
    const w = brush.width(text, font) + size * 1.3;
    const gap = Math.max(brush.thin(sure ? 8 : 4), brush.px(sure ? 8 : 4));
    const left = rect.x - brush.px(1);
    const right = rect.x + rect.w + brush.px(1) - w;
    const [over, under] = [rect.y - h - gap, rect.y + rect.h + gap];
    const places = [over, under, over - size * 1.5, under + size * 1.5].flatMap((y) => [left, right].map((x) => ({ x, y, w, h })));
    const costs = places.map((place) => this.#covered(box, place, size));
    const area = places[costs.indexOf(Math.min(...costs))] ?? { x: left, y: over, w, h };
    this.#names.add(area, area);
    const alpha = ctx.globalAlpha;
    ctx.globalAlpha = 1;
    brush.round(area, brush.px(3));
    ctx.fillStyle = brush.colour(sure ? brush.tone.fill : 'surface');
    ctx.fill();
    if (!sure) {
      ctx.lineWidth = brush.px(1);
      ctx.strokeStyle = brush.colour('ink3');
      ctx.stroke();
    }
    brush.text(text, area.x + area.w / 2, area.y + h / 2, font, sure ? brush.tone.on : 'ink', 'center');
    ctx.globalAlpha = alpha;
  }

  /** How much is lost if something lies there: names beside boxes, names in boxes, and a little for each box. */
  #covered(own: SceneBox, place: Rect, size: number): number {
    const named = this.#names.near(place).some((t) => overlaps(t, place)) ? 1e9 : 0;
    return (this.#drawn?.boxGrid.near(place) ?? []).reduce((sum, box) => {
      if (box === own || !overlaps(box.rect, place)) return sum;
      const { y, h } = box.rect;
      const middle = y + h / 2;
      return sum + 1 + Math.max(0, Math.min(place.y + place.h, middle + size * 1.4) - Math.max(place.y, middle - size * 1.4));
    }, named);
  }

  /** What would fail next: a broken outline, and its sign on the corner. Nothing of it is bad. */
  #foreseen({ node, rect }: SceneBox): void {
    const { ctx } = this.#brush;
    const long = (n: number): number => Math.max(this.#brush.thin(n), this.#brush.px(n));
    const far = this.#brush.view.level === 'dot';
    this.#outline(node, this.#brush.crisp(rect), 0);
    if (!isMany(node) || far) {
      // No other line shows through the gaps.
      ctx.lineWidth = long(1.6);
      ctx.strokeStyle = this.#brush.colour('surface');
      ctx.stroke();
    }
    ctx.lineWidth = long(1.6);
    ctx.strokeStyle = this.#brush.colour(this.#brush.tone.line);
    ctx.setLineDash([long(4), long(3)]);
    ctx.stroke();
    ctx.setLineDash([]);
    if (far) return;
    const side = Math.max(this.#brush.size(14, 14), this.#brush.px(13));
    const [x, y] = [rect.x + rect.w - 1, rect.y + 1];
    ctx.beginPath();
    ctx.arc(x, y, side / 2 + long(1), 0, Math.PI * 2);
    ctx.fillStyle = this.#brush.colour('surface');
    ctx.fill();
    this.#brush.state('PREDICTED', x, y, side);
  }

  /** Far away: a block, filled only in trouble. Plain rectangles, because there are thousands. */
  #block(box: SceneBox): void {
    this.#fill(outside(box), [box], 0);
    const colour = inside(box);
    if (colour && inPart(box)) this.#partly(box, colour);
    else if (colour) this.#fill(colour, [box], this.#brush.px(box.mark ? 2 : 1));
  }

  /** Thousands of blocks, colour by colour. None lies over another. */
  *#blocks(boxes: readonly SceneBox[]): Pieces {
    const { traced } = this.#brush.view;
    const fill = function* (all: Map<ColourName | null, SceneBox[]>, line: number, draw: (colour: ColourName, boxes: readonly SceneBox[], line: number) => void): Pieces {
      for (const [colour, group] of all) {
        if (colour) draw(colour, group, line);
        yield;
      }
    };
    const draw = this.#fill.bind(this);
    const px = this.#brush.px(1);
    for (const box of boxes) if (traced?.tags.get(box)?.sure) this.#halo(box);
    yield* fill(grouped(boxes, outside), 0, draw);
    yield* fill(grouped(boxes.filter((b) => !b.mark && !inPart(b)), inside), px, draw);
    yield* fill(grouped(boxes.filter((b) => b.mark), inside), 2 * px, draw);
    for (const box of boxes.filter(inPart)) this.#partly(box, inside(box) ?? 'surface');
    for (const box of boxes) if (traced?.predicted.has(box)) this.#foreseen(box);
  }

  #fill(colour: ColourName, boxes: readonly SceneBox[], line: number): void {
    const { ctx } = this.#brush;
    ctx.fillStyle = this.#brush.colour(colour);
    for (const { rect } of boxes) ctx.fillRect(rect.x + line, rect.y + line, rect.w - 2 * line, rect.h - 2 * line);
  }

  /** Trouble that is not critical fills a block in part, so that it is told without its colour: the lower half is a warning, a frame is unknown. */
  #partly({ node, rect: { x, y, w, h } }: SceneBox, ground: ColourName): void {
    const { ctx } = this.#brush;
    const frame = OUTLINES[openOf(node)] === 'unknown';
    const edge = Math.min(this.#brush.px(2), h / 4, w / 4);
    const wide = frame ? Math.min(2 * edge, h / 3) : edge;
    ctx.fillStyle = this.#brush.colour(ground);
    ctx.fillRect(x + wide, y + wide, w - 2 * wide, frame ? h - 2 * wide : h / 2 - wide);
  }

  #ground(box: SceneBox): void {
    const ctx = this.#brush.ctx;
    const { node, rect } = box;
    const trouble = OUTLINES[openOf(node)];
    const dashed = isUnreported(box);
    if (node.kind === 'network') this.#sheets(rect);
    if (isMany(node)) this.#sheets(rect);
    this.#outline(node, this.#brush.crisp(rect), 0);
    // An inferred box has no ground of its own, but lines don't run through its text.
    this.#underneath();
    ctx.fillStyle = this.#brush.colour(dashed || isMute(node.state) ? 'lane' : 'surface');
    ctx.fill();
    const { mark } = box;
    const ghost = mark === 'vanished' || mark === 'absent';
    if (ghost || box.unseen) {
      this.#hatch(rect);
      this.#outline(node, this.#brush.crisp(rect), 0);
    }
    ctx.lineWidth = Math.max(this.#brush.thin(mark || trouble ? 1.5 : 1), this.#brush.px(1));
    ctx.strokeStyle = this.#brush.colour(mark ? MARKED[mark] : (trouble ?? (dashed ? 'ink3' : 'box')));
    const alpha = ctx.globalAlpha;
    if (dashed || ghost) {
      ctx.globalAlpha = ghost ? alpha : alpha * 0.6;
      ctx.setLineDash([this.#brush.thin(4), this.#brush.thin(3)]);
    }
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = alpha;
  }

  /** A faded box hides what is behind it as any other does. Its path is the current one. */
  #underneath(): void {
    const { ctx } = this.#brush;
    const alpha = ctx.globalAlpha;
    if (alpha === 1) return;
    ctx.globalAlpha = 1;
    ctx.fillStyle = this.#brush.colour('lane');
    ctx.fill();
    ctx.globalAlpha = alpha;
  }

  /** Lines across a box or row: what it shows was not seen, or is no more. Its path is the current one. */
  #hatch({ x, y, w, h }: Rect): void {
    const ctx = this.#brush.ctx;
    ctx.save();
    ctx.clip();
    ctx.beginPath();
    for (let at = -h; at < w; at += HATCH) {
      ctx.moveTo(x + at, y + h);
      ctx.lineTo(x + at + h, y);
    }
    ctx.lineWidth = 1;
    ctx.strokeStyle = this.#brush.colour('line2');
    ctx.globalAlpha *= 0.6;
    ctx.stroke();
    ctx.restore();
  }

  /** The sign of how a box differs, on its corner. */
  #badge({ rect }: SceneBox, mark: Mark): void {
    this.#brush.state(MARK_SHAPES[mark], rect.x + rect.w - 1, rect.y + 1, Math.max(this.#brush.size(14, 14), this.#brush.px(13)));
  }

  /** A pin on the corner of what people put where it is. */
  #pin({ rect }: SceneBox): void {
    const { ctx } = this.#brush;
    const side = Math.max(this.#brush.size(12, 14), this.#brush.px(11));
    ctx.save();
    ctx.translate(rect.x - side * 0.4, rect.y - side * 0.6);
    ctx.scale(side / 16, side / 16);
    ctx.lineWidth = 1.4;
    ctx.lineJoin = 'round';
    ctx.fillStyle = this.#brush.colour('surface');
    ctx.strokeStyle = this.#brush.colour('ink2');
    ctx.fill(this.#brush.path(PIN));
    ctx.stroke(this.#brush.path(PIN));
    ctx.restore();
  }

  /** The path around a box; `gap` outside of it. */
  #outline({ kind }: ChartNode, { x, y, w, h }: Rect, gap: number): void {
    const rect = { x: x - gap, y: y - gap, w: w + 2 * gap, h: h + 2 * gap };
    if (kind === 'virtual') this.#brush.chamfer(rect, CUT + gap * 0.6);
    else this.#brush.round(rect, RADIUS + gap);
  }

  /** A second sheet behind: many that are drawn as one. */
  #sheets({ x, y, w, h }: Rect): void {
    const { ctx } = this.#brush;
    ctx.fillStyle = this.#brush.colour('surface');
    ctx.strokeStyle = this.#brush.colour('box');
    ctx.lineWidth = Math.max(this.#brush.thin(1), this.#brush.px(1));
    for (const step of [6, 3]) {
      this.#brush.round(this.#brush.crisp({ x: x + step, y: y - step, w: w - step, h }), RADIUS);
      ctx.fill();
      ctx.stroke();
    }
  }

  /** Around what is selected, over all that is drawn. */
  ring(box: SceneBox): void {
    const { ctx } = this.#brush;
    const { slide } = this.#brush.view;
    const was = slide?.boxes.get(box.node.name);
    ctx.save();
    if (was && slide) ctx.translate((was.x - box.rect.x) * (1 - slide.t), (was.y - box.rect.y) * (1 - slide.t));
    ctx.globalAlpha = this.#away(box) ? DIMMED : 1;
    const gap = Math.max(this.#brush.thin(3), this.#brush.px(3));
    ctx.lineWidth = Math.max(this.#brush.thin(2), this.#brush.px(2));
    ctx.strokeStyle = this.#brush.colour('accent');
    ctx.setLineDash(this.#brush.view.keyboard ? [4, 2] : []);
    this.#outline(box.node, box.rect, gap);
    ctx.stroke();
    ctx.restore();
  }

  /** Something else is pointed at, or the filter leaves it out. */
  #away(box: SceneBox): boolean {
    const { lit, kept } = this.#brush.view;
    return Boolean((lit && !lit.boxes.has(box)) || (kept && !kept.boxes.has(box)));
  }

  /** Ticks of a pool's members, each in its place; many are one bar, the worst left. */
  #members({ node, rect }: SceneBox): void {
    const members = node.members ?? [];
    const area = { x: rect.x + 10, y: rect.y + HEADER - 1, w: rect.w - 20, h: TICKS.high };
    if (node.kind !== 'pool' || members.length === 0) return;
    if (members.length > TICKS.most) this.#memberBar(members, area);
    else this.#memberTicks(members, area);
  }

  #memberTicks(members: readonly Member[], { x, y, w, h }: Rect): void {
    const { ctx } = this.#brush;
    const pitch = Math.min(TICKS.pitch, w / members.length);
    const width = Math.max(pitch - Math.min(3, pitch * 0.3), 1);
    members.forEach((member, i) => {
      const { colour, tall, hollow } = tickOf(member);
      // A warning is lower than what is critical, and what is unknown is parted in the middle.
      const high = !tall ? TICKS.low : colour === 'warning-line' ? TICKS.mild : h;
      ctx.fillStyle = this.#brush.colour(colour);
      ctx.strokeStyle = ctx.fillStyle;
      const left = x + i * pitch;
      const top = y + (h - high) / 2;
      if (hollow) {
        ctx.lineWidth = 1;
        ctx.strokeRect(left + 0.5, top + 0.5, Math.max(width - 1, 1), high - 1);
      } else if (colour === 'unknown') {
        ctx.fillRect(left, top, width, high / 3);
        ctx.fillRect(left, top + (2 * high) / 3, width, high / 3);
      } else ctx.fillRect(left, top, width, high);
    });
  }

  #memberBar(members: readonly Member[], { x, y, w, h }: Rect): void {
    const { ctx } = this.#brush;
    const looks = members.map(tickOf).sort((a, b) => b.rank - a.rank);
    const counts = new Map<string, { look: (typeof looks)[number]; n: number }>();
    for (const look of looks) counts.set(`${look.colour} ${look.hollow}`, { look, n: (counts.get(`${look.colour} ${look.hollow}`)?.n ?? 0) + 1 });
    let left = x;
    for (const { look, n } of counts.values()) {
      const width = Math.max((w * n) / members.length, 2);
      const high = look.tall ? h : TICKS.low;
      ctx.fillStyle = this.#brush.colour(look.colour);
      ctx.strokeStyle = ctx.fillStyle;
      const top = y + (h - high) / 2;
      if (look.hollow) {
        ctx.lineWidth = 1;
        ctx.strokeRect(left + 0.5, top + 0.5, Math.max(width - 1.5, 1), high - 1);
      } else ctx.fillRect(left, top, Math.max(width - 1, 1), high);
      left += width;
    }
  }

  /** From afar: the name only, at a size that stays readable: in one line or two, else beside the box; cut only where that is full too. */
  #tag({ node, rect, lane }: SceneBox): void {
    const brush = this.#brush;
    const size = brush.px(brush.view.roomy ? 13 : 11);
    const font = `600 ${size}px ${SANS}`;
    const sign = headSign(node);
    const state = sign ? brush.px(16) : 0;
    if (sign) brush.state(sign, rect.x + brush.px(10.5), rect.y + rect.h / 2, brush.px(12));
    const mark = MARKS[node.kind] ? brush.px(MARK.side + MARK.gap) : 0;
    const x = rect.x + rect.w / 2 + (state + mark) / 2;
    const lines = this.#tagLines(node, lane, rect, rect.w - brush.px(6) - state - mark, size, font);
    const middle = rect.y + rect.h / 2;
    if (lines.length === 0 && this.#drawn && this.#outside(this.#drawn, rect, shortName(node), size, font, nodeInk(node.state))) {
      if (mark > 0) this.#mark(node, rect.x + rect.w / 2 + state / 2 - mark / 2, middle, brush.px(MARK.side));
      else if (node.kind === 'internet') this.#globe(rect.x + rect.w / 2, middle, brush.px(8) / 11, brush.px(1.3));
      else if (node.members) brush.text(`×${figure(node.members.length)}`, x, middle, `${size}px ${SANS}`, 'ink3', 'center');
      return;
    }
    const said = lines.length > 0 ? lines : [brush.fit(namesIn(node, lane).at(-1) ?? '', rect.w - brush.px(6) - state - mark, font)];
    const count = node.members && rect.h > size * 1.25 * (said.length + 1) + brush.px(3) ? `×${figure(node.members.length)}` : '';
    const first = middle - ((said.length - (count ? 0 : 1)) * size * 1.25) / 2;
    const widest = Math.max(...said.map((l) => brush.width(l, font)));
    if (mark > 0) this.#mark(node, x - widest / 2 - mark, first, brush.px(MARK.side));
    said.forEach((line, i) => brush.text(line, x, first + i * size * 1.25, font, nodeInk(node.state), 'center'));
    if (count) brush.text(count, x, first + said.length * size * 1.25, `${size}px ${SANS}`, 'ink3', 'center');
  }

  /** A name as one line or two that fit whole; none where it does not. */
  #tagLines(node: ChartNode, lane: string, rect: Rect, room: number, size: number, font: string): readonly string[] {
    const fits = (text: string): boolean => this.#brush.width(text, font) <= room;
    const names = namesIn(node, lane);
    const whole = names.find(fits);
    if (whole !== undefined) return [whole];
    if (rect.h < size * 2.6) return [];
    return names.map(halves).find((lines) => lines.length === 2 && lines.every(fits)) ?? [];
  }

  #globe(x: number, y: number, scale: number, width: number): void {
    const { ctx } = this.#brush;
    ctx.save();
    ctx.translate(x, y);
    ctx.scale(scale, scale);
    ctx.lineWidth = width / scale;
    ctx.strokeStyle = this.#brush.colour('ink2');
    ctx.stroke(this.#brush.path(GLOBE));
    ctx.restore();
  }

  #card(box: SceneBox): void {
    const { node, rect } = box;
    if (node.kind === 'internet') this.#internet(box, this.#open.get(box) ?? 0);
    else {
      if (node.kind === 'network') this.#doubleLine(rect);
      this.#header(box);
      this.#members(box);
      this.#rows(box);
    }
  }

  #internet({ node, rect }: SceneBox, open: number): void {
    const cx = rect.x + rect.w / 2;
    const cy = rect.y + rect.h / 2;
    this.#globe(cx, cy - 22, 1, 1.3);
    const font = `10.5px ${SANS}`;
    // A part of the Internet, such as a country, says which in a line of its own: it is never wider than its box.
    const [name, part] = partOfInternet(node.name);
    const bold = `600 12.5px ${SANS}`;
    this.#brush.text(this.#brush.fit(name, rect.w - 8, bold), cx, cy + (part ? 2 : 5), bold, 'ink', 'center');
    if (part) this.#brush.text(this.#brush.fit(part, rect.w - 8, font), cx, cy + 16, font, 'ink2', 'center');
    const told = [plural(open, 'connection'), `${figure(open)} open`, figure(open)];
    if (open > 0) this.#brush.text(this.#brush.whole(told, rect.w - 8, font), cx, cy + (part ? 30 : 22), font, 'ink3', 'center');
  }

  #doubleLine(rect: Rect): void {
    const ctx = this.#brush.ctx;
    ctx.fillStyle = this.#brush.colour('box');
    ctx.fillRect(rect.x + 4, rect.y + 5, 1.2, rect.h - 10);
  }

  #header(box: SceneBox): void {
    const { node, rect } = box;
    const alone = box.rows.length === 0 && rect.h < SECOND_LINE;
    const middle = rect.y + (alone ? rect.h : HEADER) / 2 + 0.5;
    const said = this.#headerTag(box);
    const tagFont = `${this.#brush.size(10.5, 11.5)}px ${isAddress(said) ? MONO : SANS}`;
    const font = isAddress(shortName(node)) ? `${this.#brush.size(11.5, 13)}px ${MONO}` : `600 ${this.#brush.size(12.5, 14)}px ${SANS}`;
    const side = this.#brush.size(MARK.side, MARK.side + 2);
    const mark = MARKS[node.kind] ? side + (side * MARK.gap) / MARK.side : 0;
    const sign = headSign(node);
    const first = (node.kind === 'network' ? 13 : 10) + (sign ? side + 5 : 0);
    const left = first + mark;
    const tag = this.#beside(node, said, rect.w - left - 10 - this.#brush.width(shortName(node), font) - 8, tagFont, rect.w);
    // Who has a virtual address is said in any case: below its name, where that is all there is room for.
    const below = tag === '' && node.kind === 'virtual' && box.rows.length > 0;
    const y = below ? middle - UNDER.up : middle;
    if (sign) this.#brush.state(sign, rect.x + first - 5 - side / 2, middle - 0.5, side);
    if (mark > 0) this.#mark(node, rect.x + first, middle - 0.5, side);
    const tagWidth = tag === '' ? 0 : this.#brush.width(tag, tagFont) + 8;
    const name = this.#name(node, said, rect.w - left - 10 - tagWidth, font);
    this.#brush.text(name, rect.x + left, y, font, nodeInk(node.state));
    if (box.mark === 'vanished') this.#strike(rect, left, y, name, font);
    if (tag !== '') this.#brush.text(tag, rect.x + rect.w - 10, y, tagFont, 'ink3', 'right');
    if (below) this.#brush.text(this.#brush.fit(said, rect.w - left - 10, tagFont), rect.x + left, middle + UNDER.down, tagFont, 'ink3');
    if (box.rows.length > 0 && !isUnreported(box) && node.kind !== 'pool') this.#hairline(rect, rect.y + HEADER);
    if (box.rows.length === 0) this.#second(box, tag === '' ? said : '');
  }

  /** That in the room there is: a container's host gets its share, all other names stand whole before it. */
  #beside(node: ChartNode, said: string, left: number, font: string, width: number): string {
    if (containerName(node)?.host === said) return this.#brush.fit(said, width * MARK.host, font);
    // How long it has been silent is worth a letter of its name, and a name that must be cut anyway is cut for any.
    if (node.members || isMute(node.state) || (node.kind !== 'virtual' && left < -8)) return said;
    return this.#brush.whole(node.kind === 'virtual' ? [said, said.replace(/^on /, '')] : [said], left, font);
  }

  /** What the right end of the header says: the most telling one of several. */
  #headerTag({ node, gone }: SceneBox): string {
    if (gone) return `gone ${span(this.#brush.view.now - Date.parse(node.first_seen))}`;
    if (node.members) return `×${figure(node.members.length)}`;
    if (isMute(node.state)) return `${AWAY[node.state] ?? ''}${span(this.#brush.view.now - Date.parse(node.last_report ?? node.first_seen))}`;
    if (this.#brush.view.level === 'detail' && node.addresses[0] && node.addresses[0] !== node.name) return node.addresses[0];
    if (node.this) return 'this node';
    if (node.kind === 'virtual') return holderWord(node);
    return containerName(node)?.host ?? KIND_TAGS[node.kind] ?? '';
  }

  /** A node's name in some room; a container's own one where its host's stands beside it or has no room. */
  #name(node: ChartNode, beside: string, room: number, font: string): string {
    const inHost = containerName(node);
    if (!inHost) return this.#brush.fit(shortName(node), room, font);
    if (inHost.host === beside) return this.#brush.fit(inHost.container, room, font);
    return this.#brush.longest([node.name, inHost.container], room, font);
  }

  /** The mark of what is no host, `y` at its middle. */
  #mark(node: ChartNode, x: number, y: number, side: number): void {
    const { ctx } = this.#brush;
    ctx.save();
    ctx.translate(x, y - side / 2);
    ctx.scale(side / 16, side / 16);
    ctx.lineWidth = 1.5;
    ctx.lineJoin = 'round';
    ctx.strokeStyle = this.#brush.colour(node.state === 'reporting' ? 'ink2' : 'ink3');
    ctx.stroke(this.#brush.path(MARKS[node.kind] ?? ''));
    ctx.restore();
  }

  /** The second line of a box without rows, where the layout has room for one; `over` had no room in the first. */
  #second(box: SceneBox, over: string): void {
    const { node, rect } = box;
    if (rect.h < SECOND_LINE) return;
    const y = rect.y + HEADER + (rect.h - HEADER) / 2 - 3;
    const font = `${this.#brush.size(11.5, 12)}px ${SANS}`;
    const left = node.kind === 'network' ? 13 : 10;
    const room = rect.w - left - 10;
    const told = this.#told(box, node.kind === 'virtual' ? over : '');
    if (told.length > 0) this.#brush.text(this.#brush.longest(told, room, font), rect.x + left, y, font, 'ink3');
  }

  /** What that line says, the longest wording first; what must be said, in all of them. */
  #told(box: SceneBox, must: string): readonly string[] {
    const { node } = box;
    if (must !== '') return [...(node.known_as && node.addresses[0] ? [`${node.addresses[0]}, ${must}`] : []), must];
    if (node.kind === 'network') return this.#many(box);
    if (node.kind === 'virtual') return node.known_as ? [node.addresses[0] ?? 'virtual address'] : ['virtual address', 'virtual'];
    if (node.state !== 'inferred') return [];
    return node.known_as && node.addresses[0] ? [`${node.addresses[0]}, no report`, node.addresses[0]] : UNREPORTED;
  }

  /** How many a network stands for: those that call, or those that are called. */
  #many(box: SceneBox): readonly string[] {
    const edges = this.#drawn?.edgesByNode.get(box.node.name) ?? [];
    const peers = peersOf(edges.map((e) => e.connection));
    const network = box.node.addresses[0];
    if (peers === 0) return network ? [network] : [];
    const calls = edges.every((e) => e.client === box);
    const count = calls ? plural(peers, 'caller') : plural(peers, 'address', 'addresses');
    return network && network !== box.node.name ? [`${network}, ${count}`, count] : [count];
  }

  #hairline(rect: Rect, y: number): void {
    const ctx = this.#brush.ctx;
    ctx.fillStyle = this.#brush.colour('line');
    ctx.fillRect(rect.x + 1, y - 0.5, rect.w - 2, Math.max(this.#brush.thin(1), this.#brush.px(1)));
  }

  #rows(box: SceneBox): void {
    let told = false;
    for (const row of box.rows) {
      const unnamed = row.row.kind !== 'more' && row.row.process === '';
      const tell: boolean = !told && unnamed && isUnreported(box) && box.node.kind !== 'network';
      told ||= tell;
      this.#row(box, row, tell);
    }
  }

  #row(box: SceneBox, row: SceneRow, tell: boolean): void {
    const ctx = this.#brush.ctx;
    const alpha = ctx.globalAlpha;
    const { rect } = box;
    if (row.row.kind === 'more') {
      this.#brush.text(`+ ${row.row.count}`, rect.x + 25, row.y, `${this.#brush.size(11.5, 13)}px ${SANS}`, 'ink3');
      return;
    }
    const gone = row.service?.state === 'gone' || row.mark === 'vanished' || box.mark === 'vanished';
    this.#rowGround(rect, row);
    // What vanished between two moments is what is looked for; what stopped long ago is not.
    if (gone && row.mark !== 'vanished') ctx.globalAlpha = alpha * 0.6;
    this.#rowText(box, row, tell, gone);
    ctx.globalAlpha = alpha;
  }

  #rowGround(rect: Rect, row: SceneRow): void {
    const ground = (row.mark && ROW_GROUNDS[row.mark]) ?? (row.service ? GROUNDS[openOf(row.service)] : undefined);
    const selected = row.service !== null && row.service.id === this.#brush.view.selectedRow;
    const stale = row.service?.status_stale ?? false;
    if (!ground && !selected && !stale) return;
    const area = { x: rect.x + 4, y: row.y - ROW / 2 + 1, w: rect.w - 8, h: ROW - 2 };
    this.#brush.round(area, 3);
    if (stale && !row.mark) {
      this.#hatch(area);
      if (!selected) return;
      this.#brush.round(area, 3);
    }
    this.#brush.ctx.fillStyle = this.#brush.colour(ground ?? 'lane');
    if (!stale || row.mark) this.#brush.ctx.fill();
    if (!selected) return;
    this.#brush.ctx.lineWidth = Math.max(1.5, this.#brush.px(1.5));
    this.#brush.ctx.strokeStyle = this.#brush.colour('accent');
    this.#brush.ctx.stroke();
  }

  #rowText(box: SceneBox, row: SceneRow, tell: boolean, gone: boolean): void {
    if (row.row.kind === 'more') return;
    const { rect, node } = box;
    const client = row.row.kind === 'client';
    const muted = client || node.state !== 'reporting' || gone;
    const endFont = `${this.#brush.size(10.5, 12)}px ${MONO}`;
    const trouble = row.service ? GROUNDS[openOf(row.service)] !== undefined || this.#troubled(row) : false;
    const font = `${trouble ? '600 ' : ''}${this.#brush.size(11.5, 13)}px ${SANS}`;
    const [left, label] = this.#rowLabel(box, row, tell);
    const end = row.row.kind === 'service' ? portText(row.row.protocol, row.row.port) : this.#clientWord(box, endFont);
    const room = rect.w - left - 10 - (end === '' ? 0 : this.#brush.width(end, endFont) + 6);
    const text = typeof label === 'string' ? this.#brush.fit(label, room, font) : this.#brush.whole(label, room, font);
    const [first, second] = this.#rowLines(row);
    this.#brush.text(text, rect.x + left, first, font, muted || row.row.process === '' ? 'ink3' : 'ink');
    this.#brush.text(end, rect.x + rect.w - 10, first, endFont, 'ink3', 'right');
    if (second) this.#brush.text(this.#brush.fit(second.text, rect.w - left - 10, second.font), rect.x + left, second.y, second.font, 'ink3');
    if (gone) this.#strike(rect, left, first, text, font);
    if (left > 10) this.#rowState(rect, row, client, first);
  }

  /** That a row is a client's, in its end; in none of a box where a name of one would be cut for it. */
  #clientWord(box: SceneBox, endFont: string): string {
    const font = `${this.#brush.size(11.5, 13)}px ${SANS}`;
    const names = box.rows.map(({ row }) => (row.kind === 'client' ? row.process || UNNAMED[1] : ''));
    const widest = Math.max(...names.map((n) => this.#brush.width(n, font)));
    return this.#brush.whole(['client'], box.rect.w - 25 - 10 - widest - 6, endFont);
  }

  /** Where a row's text starts and what it says: the process, or why there is none, in several wordings. */
  #rowLabel({ node }: SceneBox, row: SceneRow, tell: boolean): [number, string | readonly string[]] {
    if (row.row.kind === 'more') return [25, ''];
    if (tell) return [10, UNREPORTED];
    if (row.row.process !== '') return [25, row.row.process];
    return [25, node.state === 'inferred' ? '' : UNNAMED];
  }

  /** In detail a service row has a second line: where it listens and who used it last. */
  #rowLines(row: SceneRow): [number, { text: string; y: number; font: string } | null] {
    if (this.#brush.view.level !== 'detail' || !row.service || this.#brush.k < 1.68) return [row.y, null];
    const used = row.service.last_connection;
    const since = used ? `used ${span(this.#brush.view.now - Date.parse(used))} ago` : 'no use seen';
    const where = (row.service.addresses ?? []).join(', ');
    const text = where ? `${where}, ${since}` : since;
    return [row.y - this.#brush.px(7), { text, y: row.y + this.#brush.px(8), font: `${this.#brush.px(11)}px ${SANS}` }];
  }

  #rowState(rect: Rect, row: SceneRow, client: boolean, y: number): void {
    if (client) return;
    const status = row.mark ? MARK_SHAPES[row.mark] : row.service ? stateOf(row.service, this.#troubled(row)) : 'NONE';
    const x = rect.x + 14;
    if (status === 'OK') this.#dot(x, y);
    else this.#brush.state(status, x, y, this.#brush.size(12, 14));
  }

  /** Its sockets show trouble; asked only where there may be some. */
  #troubled({ service, growth }: SceneRow): boolean {
    if (!service || (!growth && !service.queue)) return false;
    return serviceTroubles(service, growth, this.#brush.view.now).length > 0;
  }

  #dot(x: number, y: number): void {
    this.#brush.ctx.beginPath();
    this.#brush.ctx.arc(x, y, this.#brush.size(2.5, 3), 0, Math.PI * 2);
    this.#brush.ctx.fillStyle = this.#brush.colour('ok');
    this.#brush.ctx.fill();
  }

  #strike(rect: Rect, left: number, y: number, text: string, font: string): void {
    const ctx = this.#brush.ctx;
    ctx.fillStyle = this.#brush.colour('vanished');
    ctx.fillRect(rect.x + left, y, this.#brush.width(text, font), Math.max(this.#brush.thin(1), this.#brush.px(1)));
  }

}

/** How the ticks of members look, chart units. */
const TICKS = { pitch: 15, low: 5, mild: 7, high: 9, most: 40 } as const;

/** A member's tick: tall and coloured in trouble, hollow where somebody takes care of it or nobody hears of it. */
function tickOf(member: Member): { colour: ColourName; tall: boolean; hollow: boolean; rank: number } {
  const sign = signOf(member);
  const trouble = OUTLINES[openOf(member)];
  const hollow = !trouble && (sign.way === 'handled' || member.state !== 'reporting');
  return { colour: trouble ?? (hollow ? 'mute' : 'tick'), tall: trouble !== undefined || sign.way === 'handled', hollow, rank: trouble ? 2 + severity(openOf(member)) : hollow ? 1 : 0 };
}

/** What stands before the name of a box that checks say something of: nothing while all is fine, or nobody checks. */
function headSign(node: ChartNode): StateName | null {
  const sign = signOf(node);
  return sign.way === 'quiet' ? null : shapeOf(sign);
}

/** The colour of a block, or of its outline. */
function outside({ node, mark }: SceneBox): ColourName {
  return mark ? MARKED[mark] : (OUTLINES[openOf(node)] ?? 'box');
}

/** What it is filled with inside of that, as a whole or in part; null where it has one colour. */
function inside({ node, mark }: SceneBox): ColourName | null {
  if (mark === 'appeared' || (!mark && OUTLINES[openOf(node)] === 'critical')) return null;
  return node.state === 'reporting' ? 'surface' : 'lane';
}

/** Whether its colour tells of trouble by filling a part of it. */
function inPart({ node, mark }: SceneBox): boolean {
  const trouble = OUTLINES[openOf(node)];
  return !mark && trouble !== undefined && trouble !== 'critical';
}

function grouped<K>(boxes: readonly SceneBox[], key: (box: SceneBox) => K): Map<K, SceneBox[]> {
  const groups = new Map<K, SceneBox[]>();
  for (const box of boxes) held(groups, key(box), () => []).push(box);
  return groups;
}

/** How many connections are open at the Internet's box, in and out. */
function openAtInternet(scene: Scene): Map<SceneBox, number> {
  const open = new Map(scene.boxes.filter((b) => b.node.kind === 'internet').map((b) => [b, 0]));
  for (const [box] of open) {
    let count = 0;
    for (const e of scene.parts.edges) if (e.client === box || e.server === box) count += e.connection.count;
    open.set(box, count);
  }
  return open;
}

/** `Internet (Germany)` as the name and the part; a part of `` where it is all of it. */
function partOfInternet(name: string): readonly [name: string, part: string] {
  const [, of = '', part = ''] = /^(.+?) \((.+)\)$/.exec(name) ?? [];
  return part ? [of, part] : [name, ''];
}

/** `:80`, or `udp :53`: TCP is what a port means unless it says otherwise. */
export function portText(protocol: string, port: number): string {
  return protocol === 'udp' ? `udp :${port}` : `:${port}`;
}

/** Never reported, so drawn dashed; the Internet and networks never will. */
export function isUnreported({ node }: SceneBox): boolean {
  return node.state === 'inferred' && !isMany(node) && node.kind !== 'internet' && node.kind !== 'network' && node.kind !== 'virtual';
}

/** What a box is called: what others call it, where that is all that is known; of a container its own name. */
function shortName(node: ChartNode): string {
  return containerName(node)?.container ?? (node.known_as || node.name);
}

/** A box's names, the longest first: on its lane it need not say the lane's again. */
function namesIn(node: ChartNode, lane: string): readonly string[] {
  const own = shortName(node);
  const rest = lane !== '' && own.startsWith(`${lane}-`) ? own.slice(lane.length + 1) : own;
  return rest === own ? [own] : [own, rest];
}

/** A name in two lines, split where its words meet, as near to its middle as may be. */
function halves(name: string): readonly string[] {
  const splits = [...name.matchAll(/[-_./ ]/g)].map((m) => m.index + 1).filter((i) => i < name.length);
  const [at] = splits.sort((a, b) => Math.abs(a - name.length / 2) - Math.abs(b - name.length / 2));
  return at === undefined ? [name] : [name.slice(0, at).trimEnd(), name.slice(at)];
}

function nodeInk(state: NodeState): ColourName {
  return isMute(state) ? 'ink3' : state === 'inferred' ? 'ink2' : 'ink';
}
