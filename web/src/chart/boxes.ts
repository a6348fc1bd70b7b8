import type { ChartNode, NodeKind, Status } from '../api/types';
import { figure, isAddress, plural, span } from '../lib/format';
import { CONTAINER, VIRTUAL } from '../parts/Icon';
import { stateOf } from '../parts/shapes';
import { serviceTroubles } from '../state/health';
import { holderWord } from '../state/fleet';
import { containerName } from '../state/topology';
import { peersOf } from '../state/words';
import { type Brush, DIMMED, MONO, RADIUS, SANS } from './brush';
import type { Rect } from './camera';
import { overlaps } from './hit';
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

/** Where the Internet's globe, name and count stand in its box. */
const GLOBE = 'M11 0A11 11 0 1 1 -11 0A11 11 0 1 1 11 0ZM-11 0H11M0 -11C7 -5 7 5 0 11C-7 5 -7 -5 0 -11Z';

/** Draws the boxes: as blocks, names, cards or in detail. */
export class BoxPainter {
  readonly #brush: Brush;
  #open: ReadonlyMap<SceneBox, number> = new Map();
  #drawn: Scene | null = null;

  constructor(brush: Brush) {
    this.#brush = brush;
  }

  /** Draws the boxes that `area` touches. */
  draw(scene: Scene, area: Rect): void {
    if (this.#drawn !== scene) this.#open = openAtInternet(scene);
    this.#drawn = scene;
    for (const box of scene.boxes) if (overlaps(box.rect, area)) this.#box(box);
  }

  #box(box: SceneBox): void {
    const lit = this.#brush.view.lit;
    this.#brush.ctx.globalAlpha = lit && !lit.boxes.has(box) ? DIMMED : 1;
    if (this.#brush.view.level === 'dot') this.#block(box);
    else {
      this.#ground(box);
      if (this.#brush.view.level === 'tag') this.#tag(box);
      else this.#card(box);
    }
    if (this.#brush.view.selectedBox === box) this.#ring(box);
    this.#brush.ctx.globalAlpha = 1;
  }

  /** Far away: a block, filled only in trouble. Plain rectangles, because there are thousands. */
  #block({ node, rect }: SceneBox): void {
    const trouble = OUTLINES[node.status];
    const { ctx } = this.#brush;
    const line = this.#brush.px(1);
    ctx.fillStyle = this.#brush.colour(trouble ?? 'box');
    ctx.fillRect(rect.x, rect.y, rect.w, rect.h);
    if (trouble) return;
    ctx.fillStyle = this.#brush.colour(node.state === 'reporting' ? 'surface' : 'lane');
    ctx.fillRect(rect.x + line, rect.y + line, rect.w - 2 * line, rect.h - 2 * line);
  }

  #ground(box: SceneBox): void {
    const ctx = this.#brush.ctx;
    const { node, rect } = box;
    const trouble = OUTLINES[node.status];
    const dashed = isUnreported(box);
    if (node.kind === 'network') this.#sheets(rect);
    this.#outline(node, this.#brush.crisp(rect), 0);
    // An inferred box has no ground of its own, but lines don't run through its text.
    ctx.fillStyle = this.#brush.colour(dashed || node.state === 'stale' ? 'lane' : 'surface');
    ctx.fill();
    ctx.lineWidth = Math.max(this.#brush.thin(trouble ? 1.5 : 1), this.#brush.px(1));
    ctx.strokeStyle = this.#brush.colour(trouble ?? (dashed ? 'ink3' : 'box'));
    const alpha = ctx.globalAlpha;
    if (dashed) {
      ctx.globalAlpha = alpha * 0.6;
      ctx.setLineDash([this.#brush.thin(4), this.#brush.thin(3)]);
    }
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = alpha;
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

  #ring(box: SceneBox): void {
    const ctx = this.#brush.ctx;
    const gap = Math.max(this.#brush.thin(3), this.#brush.px(3));
    ctx.lineWidth = Math.max(this.#brush.thin(2), this.#brush.px(2));
    ctx.strokeStyle = this.#brush.colour('accent');
    ctx.setLineDash(this.#brush.view.keyboard ? [4, 2] : []);
    this.#outline(box.node, box.rect, gap);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** From afar: the name only, at a size that stays readable. */
  #tag({ node, rect }: SceneBox): void {
    const size = this.#brush.px(this.#brush.view.roomy ? 13 : 11);
    const font = `600 ${size}px ${SANS}`;
    const state = node.status === 'NONE' || node.status === 'OK' ? 0 : this.#brush.px(14);
    if (state > 0) this.#brush.state(node.status, rect.x + this.#brush.px(12), rect.y + rect.h / 2, this.#brush.px(12));
    const mark = MARKS[node.kind] ? this.#brush.px(MARK.side + MARK.gap) : 0;
    const room = rect.w - this.#brush.px(8) - state - mark;
    const name = this.#brush.fit(shortName(node), room, font);
    const x = rect.x + rect.w / 2 + (state + mark) / 2;
    const y = rect.y + rect.h / 2;
    if (mark > 0) this.#mark(node, x - this.#brush.width(name, font) / 2 - mark, y, this.#brush.px(MARK.side));
    this.#brush.text(name, x, y, font, nodeInk(node.state), 'center');
  }

  #card(box: SceneBox): void {
    const { node, rect } = box;
    if (node.kind === 'internet') this.#internet(box, this.#open.get(box) ?? 0);
    else {
      if (node.kind === 'network') this.#doubleLine(rect);
      this.#header(box);
      this.#rows(box);
    }
  }

  #internet({ node, rect }: SceneBox, open: number): void {
    const ctx = this.#brush.ctx;
    const cx = rect.x + rect.w / 2;
    const cy = rect.y + rect.h / 2;
    ctx.save();
    ctx.translate(cx, cy - 22);
    ctx.lineWidth = 1.3;
    ctx.strokeStyle = this.#brush.colour('ink2');
    ctx.stroke(this.#brush.path(GLOBE));
    ctx.restore();
    this.#brush.text(node.name, cx, cy + 5, `600 12.5px ${SANS}`, 'ink', 'center');
    const font = `10.5px ${SANS}`;
    const told = [plural(open, 'connection'), `${figure(open)} open`, figure(open)];
    if (open > 0) this.#brush.text(this.#brush.whole(told, rect.w - 8, font), cx, cy + 22, font, 'ink3', 'center');
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
    const left = (node.kind === 'network' ? 13 : 10) + mark;
    const tag = this.#beside(node, said, rect.w - left - 10 - this.#brush.width(shortName(node), font) - 8, tagFont, rect.w);
    // Who has a virtual address is said in any case: below its name, where that is all there is room for.
    const below = tag === '' && node.kind === 'virtual' && box.rows.length > 0;
    const y = below ? middle - UNDER.up : middle;
    if (mark > 0) this.#mark(node, rect.x + 10, middle - 0.5, side);
    const tagWidth = tag === '' ? 0 : this.#brush.width(tag, tagFont) + 8;
    const name = this.#name(node, said, rect.w - left - 10 - tagWidth, font);
    this.#brush.text(name, rect.x + left, y, font, nodeInk(node.state));
    if (tag !== '') this.#brush.text(tag, rect.x + rect.w - 10, y, tagFont, 'ink3', 'right');
    if (below) this.#brush.text(this.#brush.fit(said, rect.w - left - 10, tagFont), rect.x + left, middle + UNDER.down, tagFont, 'ink3');
    if (box.rows.length > 0 && !isUnreported(box)) this.#hairline(rect, rect.y + HEADER);
    if (box.rows.length === 0) this.#second(box, tag === '' ? said : '');
  }

  /** That in the room there is: a container's host gets its share, all other names stand whole before it. */
  #beside(node: ChartNode, said: string, left: number, font: string, width: number): string {
    if (containerName(node)?.host === said) return this.#brush.fit(said, width * MARK.host, font);
    // How long it has been silent is worth a letter of its name, and a name that must be cut anyway is cut for any.
    if (node.state === 'stale' || (node.kind !== 'virtual' && left < -8)) return said;
    return this.#brush.whole(node.kind === 'virtual' ? [said, said.replace(/^on /, '')] : [said], left, font);
  }

  /** What the right end of the header says: the most telling one of several. */
  #headerTag({ node }: SceneBox): string {
    if (node.state === 'stale') return span(this.#brush.view.now - Date.parse(node.last_report ?? node.first_seen));
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
    const gone = row.service?.state === 'gone';
    this.#rowGround(rect, row);
    if (gone) ctx.globalAlpha = alpha * 0.6;
    this.#rowText(box, row, tell, gone);
    ctx.globalAlpha = alpha;
  }

  #rowGround(rect: Rect, row: SceneRow): void {
    const ground = row.service ? GROUNDS[row.service.status] : undefined;
    const selected = row.service !== null && row.service.id === this.#brush.view.selectedRow;
    if (!ground && !selected) return;
    this.#brush.round({ x: rect.x + 4, y: row.y - ROW / 2 + 1, w: rect.w - 8, h: ROW - 2 }, 3);
    this.#brush.ctx.fillStyle = this.#brush.colour(ground ?? 'lane');
    this.#brush.ctx.fill();
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
    const trouble = row.service ? GROUNDS[row.service.status] !== undefined || this.#troubled(row) : false;
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
    const where = row.service.addresses.join(', ');
    const text = where ? `${where}, ${since}` : since;
    return [row.y - this.#brush.px(7), { text, y: row.y + this.#brush.px(8), font: `${this.#brush.px(11)}px ${SANS}` }];
  }

  #rowState(rect: Rect, row: SceneRow, client: boolean, y: number): void {
    if (client) return;
    const status = row.service ? stateOf(row.service, this.#troubled(row)) : 'NONE';
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

/** How many connections are open at the Internet's box, in and out. */
function openAtInternet(scene: Scene): Map<SceneBox, number> {
  const open = new Map<SceneBox, number>();
  for (const box of scene.boxes) {
    if (box.node.kind !== 'internet') continue;
    const edges = scene.edgesByNode.get(box.node.name) ?? [];
    open.set(box, edges.reduce((n, e) => n + e.connection.count, 0));
  }
  return open;
}

/** `:80`, or `udp :53`: TCP is what a port means unless it says otherwise. */
export function portText(protocol: string, port: number): string {
  return protocol === 'udp' ? `udp :${port}` : `:${port}`;
}

/** Never reported, so drawn dashed; the Internet and networks never will. */
export function isUnreported({ node }: SceneBox): boolean {
  return node.state === 'inferred' && node.kind !== 'internet' && node.kind !== 'network' && node.kind !== 'virtual';
}

/** What a box is called: what others call it, where that is all that is known; of a container its own name. */
function shortName(node: ChartNode): string {
  return containerName(node)?.container ?? (node.known_as || node.name);
}

function nodeInk(state: string): ColourName {
  return state === 'stale' ? 'ink3' : state === 'inferred' ? 'ink2' : 'ink';
}
