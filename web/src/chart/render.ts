import { BoxPainter } from './boxes';
import { Brush, SANS, type View } from './brush';
import { type Camera, visible } from './camera';
import { EdgePainter } from './edges';
import type { Scene } from './scene';

/** Where a lane's name starts. */
const LANE_INDENT = 16;

/** Draws one frame. Holds caches only: what is drawn follows from its arguments. */
export class Renderer {
  readonly #brush: Brush;
  readonly #boxes: BoxPainter;
  readonly #edges: EdgePainter;

  constructor(ctx: CanvasRenderingContext2D) {
    this.#brush = new Brush(ctx);
    this.#boxes = new BoxPainter(this.#brush);
    this.#edges = new EdgePainter(this.#brush);
  }

  draw(scene: Scene, view: View): void {
    this.#brush.view = view;
    const { dpr, camera, screen, palette } = view;
    const { ctx } = this.#brush;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = palette.bg;
    ctx.fillRect(0, 0, Math.ceil(screen.w * dpr), Math.ceil(screen.h * dpr));
    ctx.setTransform(dpr * camera.k, 0, 0, dpr * camera.k, dpr * camera.x, dpr * camera.y);
    const area = visible(camera, screen);
    this.#lane(scene);
    this.#edges.draw(scene, area);
    this.#boxes.draw(scene, area);
    this.#edges.labels(scene, area);
  }

  #lane(scene: Scene): void {
    if (!scene.lane) return;
    const { rect, title, subtitle } = scene.lane;
    const ctx = this.#brush.ctx;
    ctx.fillStyle = this.#brush.colour('lane');
    this.#brush.round(rect, 12);
    ctx.fill();
    // Lane names stay readable from far away: never below 12 px on screen.
    const size = Math.max(13, this.#brush.px(12));
    // From where boxes are dots there is no room for it inside.
    const y = this.#brush.view.level === 'dot' ? rect.y - size : rect.y + 12 + size / 2;
    const write = (text: string, at: number, font: string, colour: 'ink' | 'ink3'): void => {
      // Above the lane there is nothing beside it to run into.
      const room = this.#brush.view.level === 'dot' ? Infinity : rect.w - 2 * LANE_INDENT;
      this.#brush.text(room < Infinity ? this.#brush.fit(text, room, font) : text, rect.x + LANE_INDENT, at, font, colour);
    };
    write(title, y, `600 ${size}px ${SANS}`, 'ink');
    if (this.#brush.k < 0.7) return;
    write(subtitle, rect.y + 16 + size + 9, `${Math.min(11.5, size)}px ${SANS}`, 'ink3');
  }

  /** Lays an earlier frame, seen by another camera, over this one. */
  overlay(image: HTMLCanvasElement, from: Camera, alpha: number): void {
    const { ctx } = this.#brush;
    const { camera, dpr } = this.#brush.view;
    const scale = camera.k / from.k;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = alpha;
    ctx.drawImage(image, dpr * (camera.x - from.x * scale), dpr * (camera.y - from.y * scale), image.width * scale, image.height * scale);
    ctx.globalAlpha = 1;
  }
}
