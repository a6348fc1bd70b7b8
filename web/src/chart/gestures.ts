import type { Point } from './camera';
import type { ChartController } from './controller';
import type { Hit, SceneBox } from './scene';

/** A press that moves less is a click. */
const CLICK_PX = 4;
const LINE_PX = 16;
/** A swipe is so far, px, and so much further aside than up or down. */
const SWIPE = { px: 70, aside: 2 };

/** Who may carry boxes, and what happens when one is put down. */
export interface Moves {
  /** `asked`: the key that carries is held. */
  may: (asked: boolean) => boolean;
  put: (box: string, at: Point) => void;
}

const NO_MOVES: Moves = { may: () => false, put: () => undefined };

/** A finger went aside where there is nothing to see: to the left, which brings what is next (1), or to the right (-1). */
export type Swipe = (by: -1 | 1) => void;

interface Finger extends Point {
  startX: number;
  startY: number;
}

/**
 * Pointer and wheel on the canvas: drag and wheel pan, pinch and Ctrl wheel zoom
 * around the cursor, a click selects. Returns the function that stops it.
 */
export function listen(canvas: HTMLCanvasElement, chart: ChartController, onClick: (hit: Hit | null) => void, onDouble: (hit: Hit) => void = () => undefined, moves: Moves = NO_MOVES, swipe: Swipe = () => undefined): () => void {
  const fingers = new Map<number, Finger>();
  let dragged = false;
  let pinched = false;
  let carried: SceneBox | null = null;

  const place = (event: MouseEvent): Point => {
    const r = canvas.getBoundingClientRect();
    return { x: event.clientX - r.left, y: event.clientY - r.top };
  };

  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const p = place(event);
    pinched = fingers.size > 0;
    if (fingers.size === 0) {
      dragged = false;
      const hit = moves.may(event.altKey) ? chart.hit(p) : null;
      carried = hit && hit.kind !== 'edge' ? hit.box : null;
    }
    fingers.set(event.pointerId, { ...p, startX: p.x, startY: p.y });
    canvas.setPointerCapture(event.pointerId);
  };

  const move = (event: PointerEvent): void => {
    const p = place(event);
    const finger = fingers.get(event.pointerId);
    if (!finger) {
      if (event.pointerType === 'mouse') point(p);
      return;
    }
    dragged ||= fingers.size > 1 || Math.hypot(p.x - finger.startX, p.y - finger.startY) > CLICK_PX;
    if (dragged) {
      canvas.classList.add('dragging');
      chart.hover(null);
      if (carried) chart.carry(carried, p.x - finger.x, p.y - finger.y);
      else drag(finger, p);
    }
    finger.x = p.x;
    finger.y = p.y;
  };

  const drag = (finger: Finger, to: Point): void => {
    const other = [...fingers.values()].find((f) => f !== finger);
    if (!other) {
      chart.pan(chart.upright ? 0 : to.x - finger.x, to.y - finger.y);
      return;
    }
    const before = Math.hypot(finger.x - other.x, finger.y - other.y);
    const after = Math.hypot(to.x - other.x, to.y - other.y);
    chart.pan((to.x - finger.x) / 2, (to.y - finger.y) / 2);
    if (before > 0 && after > 0) chart.zoom(after / before, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
  };

  const point = (p: Point): void => {
    const hit = chart.hit(p);
    chart.hover(hit);
    canvas.classList.toggle('pointing', hit !== null);
  };

  const up = (event: PointerEvent): void => {
    const finger = fingers.get(event.pointerId);
    if (!finger || !fingers.delete(event.pointerId) || fingers.size > 0) return;
    canvas.classList.remove('dragging');
    const put = chart.putDown();
    if (put && event.type === 'pointerup') moves.put(put.name, { x: put.x, y: put.y });
    const [dx, dy] = [finger.x - finger.startX, finger.y - finger.startY];
    if (event.pointerType === 'touch' && event.type === 'pointerup' && !put && !pinched && chart.upright && Math.abs(dx) > Math.max(SWIPE.px, SWIPE.aside * Math.abs(dy))) swipe(dx < 0 ? 1 : -1);
    if (!dragged && event.type === 'pointerup') onClick(chart.hit(place(event)));
  };

  const double = (event: MouseEvent): void => {
    const hit = chart.hit(place(event));
    if (hit) onDouble(hit);
  };

  const leave = (): void => chart.hover(null);

  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const scale = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
    if (event.ctrlKey || event.metaKey) {
      const step = Math.max(-50, Math.min(50, event.deltaY * scale));
      chart.zoom(Math.exp(-step * 0.01), place(event));
    } else if (event.shiftKey && event.deltaX === 0) chart.pan(-event.deltaY * scale, 0);
    else chart.pan(-event.deltaX * scale, -event.deltaY * scale);
  };

  canvas.addEventListener('pointerdown', down);
  canvas.addEventListener('pointermove', move);
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('pointerleave', leave);
  canvas.addEventListener('dblclick', double);
  canvas.addEventListener('wheel', wheel, { passive: false });
  return () => {
    canvas.removeEventListener('pointerdown', down);
    canvas.removeEventListener('pointermove', move);
    canvas.removeEventListener('pointerup', up);
    canvas.removeEventListener('pointercancel', up);
    canvas.removeEventListener('pointerleave', leave);
    canvas.removeEventListener('dblclick', double);
    canvas.removeEventListener('wheel', wheel);
  };
}
