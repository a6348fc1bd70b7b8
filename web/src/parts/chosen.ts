import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Incident, WhatIf } from '../api/types';
import { notLoaded } from './Lazy';
import { useIncidentTurn } from './news';
import { type Resource, useResource, useTurn } from '../state/resource';
import { severity } from '../state/checks';
import { type Story, type Trace, causesOf } from '../state/trace';
import type { Topology } from '../state/topology';

/** What would fail is asked again this often, ms: each answer goes through all of the site. */
const ASK_MS = 30_000;

/** How far back who used a thing is looked for. */
export const USE_DAYS = 30;

/** What the link asks about a failure; null where it asks nothing. */
export function useWhatIf(days: number): Resource<WhatIf | null> {
  const { client, now, route } = useApp();
  const { of, at } = route.value;
  const turn = useTurn(now, ASK_MS);
  return useResource(`impact ${of.join()} ${days} ${at}`, String(turn), (s) => (of.length > 0 ? client.impact(of, days, s) : Promise.resolve(null)));
}

/** The incident whose path the chart shows; null where it shows none. */
function useChosenIncident(): Resource<Incident | null> {
  const { client, route } = useApp();
  const { view, incident } = route.value;
  const id = view === 'chart' ? incident : '';
  const turn = useIncidentTurn();
  return useResource(`incident ${id}`, turn, (s) => (id ? client.incident(id, s) : Promise.resolve(null)));
}

type Tracing = typeof import('../state/tracing');

let loaded: Tracing | null = null;

/** How paths are found, once there is one to find. */
function useTracing(wanted: boolean): Tracing | null {
  const [, setTurn] = useState(0);
  useEffect(() => {
    if (!wanted || loaded) return;
    import('../state/tracing').then(
      (module) => {
        loaded = module;
        setTurn(1);
      },
      notLoaded,
    );
  }, [wanted]);
  return loaded;
}

/** What the chart's path is about. */
export interface Chosen {
  incident: Resource<Incident | null>;
  failure: Resource<WhatIf | null>;
  story: Story | null;
  tracing: Tracing | null;
}

export function useChosen(): Chosen {
  const { at } = useApp().route.value;
  const incident = useChosenIncident();
  const failure = useWhatIf(USE_DAYS);
  const tracing = useTracing(Boolean(failure.data ?? incident.data));
  const story = useMemo(() => {
    if (!tracing) return null;
    if (failure.data) return tracing.storyOfFailure(failure.data);
    return incident.data && tracing.storyOf(incident.data, at);
  }, [tracing, failure.data, incident.data, at]);
  return { incident, failure, story, tracing };
}

/** What of marks is seen. */
function keyOf({ tags }: Trace): string {
  return [...tags].map(([box, { sure }]) => `${box} ${sure}`).join('\n');
}

/** The path on the chart: of what is chosen; else the likely causes of what is open now are marked. */
export function useTrace(topology: Topology | null, { story, tracing }: Chosen): Trace | null {
  const { incidents, route } = useApp();
  const list = incidents.value;
  const live = route.value.at === '';
  const marks = useRef<Trace | null>(null);
  return useMemo(() => {
    if (!topology) return null;
    if (story && tracing) return tracing.traceOf(topology, story);
    const causes = live ? list.filter((i) => !i.unclear && !i.acknowledged).flatMap((i) => (i.cause ? { ...i.cause, loud: severity(i.status) >= severity('CRITICAL') } : [])) : [];
    if (causes.length === 0) return null;
    const found = causesOf(topology, causes);
    // As long as the same boxes are marked nothing is to be drawn for it.
    if (marks.current && keyOf(found) === keyOf(marks.current)) return marks.current;
    return (marks.current = found);
  }, [topology, story, live, list]);
}
