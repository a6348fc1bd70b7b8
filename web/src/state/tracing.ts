import type { Connection, Incident, IncidentAlert, IncidentRef, Status, WhatIf } from '../api/types';
import { isBad, severity } from './checks';
import { badNow, refLines } from './incidents';
import { type Boxes, FAILS, type Story, type Tag, type Tone, type Trace, type Way, boxesByName } from './trace';
import type { Topology } from './topology';

/** How a path is found on a chart; loaded when the first one is asked for. */

/** By the worst of what is bad. */
function toneOf(statuses: readonly Status[]): Tone {
  const worst = Math.max(...statuses.map(severity), 0);
  if (worst === severity('WARNING')) return 'warning';
  return worst === severity('UNKNOWN') ? 'unknown' : 'critical';
}

/** What was bad at a moment; '' is now, and of what is over all of it. */
function badAt(incident: Incident, at: string): readonly IncidentAlert[] {
  const alerts = incident.alerts ?? [];
  const moment = Date.parse(at);
  const then = alerts.filter((a) => Date.parse(a.seen) <= moment && (!a.over || Date.parse(a.over) > moment));
  if (at !== '' && then.length > 0) return then;
  return incident.state === 'open' ? badNow(incident) : alerts;
}

/** What an incident tells, as of a moment that is shown. Where the cause is unclear none of them is marked as such. */
export function storyOf(incident: Incident, at = ''): Story {
  const alerts = badAt(incident, at);
  const causes = incident.causes ?? [];
  const sure = !incident.unclear;
  return {
    causes: causes.map((ref, i) => ({ ref, text: `${sure ? 'Cause' : 'Possible'} ${i + 1}`, sure: sure && i === 0 })),
    confirmed: alerts.map((a) => a.about),
    predicted: incident.state === 'open' && at === '' ? (incident.impact.predicted ?? []) : [],
    steps: sure ? (causes[0]?.path ?? []) : [],
    tone: toneOf(alerts.map((a) => a.status)),
  };
}

/** What would be if something failed. */
export function storyOfFailure(im: WhatIf): Story {
  return {
    causes: im.of.map((ref) => ({ ref, text: FAILS, sure: true })),
    confirmed: im.confirmed ?? [],
    predicted: im.predicted ?? [],
    steps: [],
    tone: 'critical',
  };
}

/** A component on the chart. A node as a whole has neither port nor process. */
interface Place {
  key: string;
  box: string;
  port: number;
  process: string;
}

function placeOn(boxes: Boxes, ref: IncidentRef): Place | null {
  const box = boxes.get(ref.node ?? '');
  if (box === undefined) return null;
  const port = portOf(ref.service ?? '');
  const process = ref.process ?? (ref.service ? refLines(ref).detail.replace(/:\d+$/, '') : '');
  return { key: `${box}\n${port}\n${process}`, box, port, process };
}

/** The port of a service's id; 0 where it has none. */
function portOf(service: string): number {
  return Number(/~(?:tcp|udp)~(\d+)/.exec(service)?.[1] ?? 0);
}

function isWhole({ port, process }: Place): boolean {
  return port === 0 && process === '';
}

function isServer(place: Place, { server }: Connection): boolean {
  return server.node === place.box && (isWhole(place) || server.port === 0 || server.port === place.port);
}

function isClient(place: Place, { client, server }: Connection): boolean {
  if (client.node !== place.box) return false;
  const port = portOf(client.service);
  // Between nodes and between groups one edge stands for all, and has no port.
  return isWhole(place) || server.port === 0 || (port !== 0 && port === place.port) || (client.process !== '' && client.process === place.process);
}

function byBox(places: readonly Place[]): Map<string, Place[]> {
  const found = new Map<string, Place[]>();
  for (const p of places) {
    const held = found.get(p.box);
    if (held) held.push(p);
    else found.set(p.box, [p]);
  }
  return found;
}

/** So many edges may lie between two in trouble of which nobody knows more. */
const MOST_BETWEEN = 3;

/** Draws a story on a chart. */
export function traceOf(topology: Topology, story: Story): Trace {
  const t = new Tracing(topology, story);
  t.spread();
  t.follow(story.steps);
  t.bridge();
  t.foresee();
  return t.done();
}

class Tracing {
  readonly #topology: Topology;
  readonly #on: Boxes;
  readonly #tags = new Map<string, Tag>();
  readonly #causes: Place[] = [];
  readonly #tone: Tone;
  readonly #bad: Place[];
  readonly #badOn: ReadonlyMap<string, readonly Place[]>;
  readonly #next: Place[];
  readonly #into = new Map<string, Connection[]>();
  readonly #reached = new Set<string>();
  readonly #edges = new Map<string, Way>();
  readonly #through = new Set<string>();

  constructor(topology: Topology, story: Story) {
    this.#topology = topology;
    this.#on = boxesByName(topology);
    for (const { ref, text, sure } of story.causes) {
      const place = placeOn(this.#on, ref);
      if (!place) continue;
      if (sure) this.#causes.push(place);
      if (!this.#tags.has(place.box)) this.#tags.set(place.box, { text, sure });
    }
    this.#tone = story.tone;
    this.#bad = this.#places(story.confirmed);
    this.#badOn = byBox(this.#bad);
    this.#next = this.#places(story.predicted);
    for (const c of topology.connections.values()) {
      if (c.observer) continue;
      const held = this.#into.get(c.server.node);
      if (held) held.push(c);
      else this.#into.set(c.server.node, [c]);
    }
  }

  #places(refs: readonly IncidentRef[]): Place[] {
    const found = new Map<string, Place>();
    for (const ref of refs) {
      const place = placeOn(this.#on, ref);
      if (place) found.set(place.key, place);
    }
    return [...found.values()];
  }

  /** From the cause, or where there is none from all that is bad, along the edges to those that are bad and call it. */
  spread(): void {
    const queue = this.#causes.length > 0 ? [...this.#causes] : [...this.#bad];
    for (const place of queue) this.#reached.add(place.key);
    for (let place = queue.shift(); place; place = queue.shift()) {
      const reach = (other: Place): void => {
        if (this.#reached.has(other.key)) return;
        this.#reached.add(other.key);
        queue.push(other);
      };
      const { box } = place;
      const whole = isWhole(place);
      for (const other of this.#badOn.get(box) ?? []) if (whole || isWhole(other)) reach(other);
      for (const c of this.#into.get(box) ?? []) {
        if (!isServer(place, c)) continue;
        for (const other of this.#badOn.get(c.client.node) ?? []) {
          if (!isClient(other, c)) continue;
          this.#edges.set(c.id, 'travels');
          reach(other);
        }
      }
    }
  }

  /** The path that the cause itself tells. */
  follow(steps: Story['steps']): void {
    for (const { client, server } of steps) {
      const from = placeOn(this.#on, client);
      const to = placeOn(this.#on, server);
      if (!from || !to || from.box === to.box) continue;
      for (const c of this.#into.get(to.box) ?? []) if (isServer(to, c) && isClient(from, c)) this.#pass(c);
    }
  }

  #pass(c: Connection): void {
    if (!this.#edges.has(c.id)) this.#edges.set(c.id, this.#badOn.get(c.client.node)?.some((b) => isClient(b, c)) ? 'travels' : 'through');
    this.#through.add(c.client.node).add(c.server.node);
  }

  /** To what is bad and not reached yet there may be a way through what nobody watches: the shortest is shown. */
  bridge(): void {
    let left = this.#bad.filter((b) => !this.#reached.has(b.key) && !this.#touched(b.box));
    if (left.length === 0 || this.#causes.length === 0) return;
    const came = new Map<string, Connection | null>();
    let ring = [...this.#causes, ...this.#bad.filter((b) => this.#reached.has(b.key))];
    for (const { box } of ring) came.set(box, null);
    for (let i = 0; i <= MOST_BETWEEN && left.length > 0; i++) {
      const next: Place[] = [];
      for (const place of ring) {
        for (const c of this.#into.get(place.box) ?? []) {
          if (!isServer(place, c) || came.has(c.client.node)) continue;
          const end = left.find((b) => isClient(b, c));
          if (!end && this.#isFine(c)) continue;
          came.set(c.client.node, c);
          next.push({ key: '', box: c.client.node, port: 0, process: '' });
          if (end) this.#back(c, came);
        }
      }
      left = left.filter((b) => !came.has(b.box));
      ring = next;
    }
  }

  /** Marks the way back to where the search began. */
  #back(last: Connection, came: ReadonlyMap<string, Connection | null>): void {
    for (let c: Connection | null | undefined = last; c; c = came.get(c.server.node)) this.#pass(c);
  }

  #touched(box: string): boolean {
    return this.#tags.get(box)?.sure ?? false;
  }

  /** A check says that the program which calls is fine: trouble did not come through it. */
  #isFine({ client }: Connection): boolean {
    const { status = 'NONE' } = this.#topology.services.get(client.service) ?? {};
    return status !== 'NONE' && status !== 'PENDING' && !isBad(status);
  }

  /** What would fail next hangs on what is bad, or on what would fail before it. */
  foresee(): void {
    const servers = [...this.#causes, ...this.#bad, ...this.#next];
    const clients = byBox(this.#next);
    for (const [box, there] of byBox(servers)) {
      for (const c of this.#into.get(box) ?? []) {
        if (this.#edges.has(c.id) || !clients.get(c.client.node)?.some((n) => isClient(n, c))) continue;
        if (there.some((s) => isServer(s, c))) this.#edges.set(c.id, 'next');
      }
    }
  }

  done(): Trace {
    const here = new Set([...this.#tags.keys(), ...this.#bad.map((b) => b.box)]);
    const predicted = new Set(this.#next.map((n) => n.box).filter((box) => !here.has(box)));
    return { tags: this.#tags, boxes: new Set([...here, ...predicted, ...this.#through]), bad: new Set(this.#bad.map((b) => b.box)).size, predicted, edges: this.#edges, tone: this.#tone, fades: true };
  }
}
