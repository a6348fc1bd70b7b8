import { problemOf } from '../api/client';
import type { Problem } from '../api/types';
import type { App } from '../app';
import { selectedNode } from '../state/topology';

/** How far an arrow carries a box, chart units. */
const STEP = 20;

/** Puts a box where it shall stand, for everyone; null lets it go. Answers why not. */
export function moveBox(app: App, box: string, at: { x: number; y: number } | null): Promise<Problem | null> {
  app.chart.soften();
  return app.client.pinBoxes(app.route.peek().level, { [box]: at }).then(
    () => null,
    (error: unknown) => problemOf(error),
  );
}

/** Whether boxes may be moved at all: by this person, and not in the past. */
export function mayMove(app: App): boolean {
  return app.session.mayChange.peek() && app.route.peek().at === '' && Boolean(app.shown.peek()?.lanes);
}

/** While boxes are moved an arrow carries the selected one; whether it did. */
export function carryByKey(app: App, dx: number, dy: number): boolean {
  const { chart, moving, route, feed } = app;
  const box = chart.scene?.boxByName.get(selectedNode(feed.topology.peek(), route.peek().selection));
  if (!moving.peek() || !mayMove(app) || !box || route.peek().table !== '') return false;
  const k = chart.camera?.k ?? 1;
  chart.carry(box, dx * STEP * k, dy * STEP * k);
  return true;
}

/** Puts down what is carried; whether anything was. */
export function putByKey(app: App): boolean {
  const put = app.chart.putDown();
  if (!put) return false;
  void moveBox(app, put.name, { x: put.x, y: put.y }).then((problem) => (app.refused.value = problem));
  return true;
}

/** Ends the moving of boxes, and takes back what is carried; whether there was any. */
export function endMoving(app: App): boolean {
  const was = app.chart.putDown() !== null || app.moving.peek();
  app.moving.value = false;
  return was;
}
