import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { useApp } from '../app';
import { figure, plural } from '../lib/format';
import { type Filter, type Hops, type Kept, NO_FILTER, askedFor, choicesOf, isFiltered, nothingLine, reaches } from '../state/filter';
import { filterBy } from '../state/route';
import { type Topology, knownAs } from '../state/topology';
import { Icon } from './Icon';
import { Popup } from './Popup';

const HOPS: readonly Hops[] = [1, 2, 3, 4];

/** Only what is in trouble, and what is around it. */
export function TroubleSwitch() {
  const { route, navigate } = useApp();
  const { trouble } = route.value.filter;
  return (
    <button
      type="button"
      class="only-trouble"
      aria-pressed={trouble}
      title="What is in trouble, and what is around it; the rest fades (x)"
      onClick={() => navigate(filterBy(route.value, { trouble: !trouble }), true)}
    >
      Only trouble
    </button>
  );
}

/** The fields that narrow the chart, in a popup; each change is in the link at once. */
export function FilterMenu() {
  const { route, shown, filtering } = useApp();
  const { filter } = route.value;
  const topology = shown.value;
  const fields = [filter.text, filter.name, filter.process, filter.group].filter((f) => f !== '').length;
  return (
    <Popup
      class="filter-menu"
      title={<span>Filter{fields > 0 && <b class="count"> {fields}</b>}</span>}
      label="Narrow the chart"
      open={filtering.value}
      pressed={fields > 0}
      onOpen={(open) => (filtering.value = open)}
    >
      {topology && <Fields topology={topology} />}
    </Popup>
  );
}

function Fields({ topology }: { topology: Topology }) {
  const { route, navigate, filtering } = useApp();
  const { filter } = route.value;
  const first = useRef<HTMLInputElement>(null);
  const { groups, processes } = useMemo(() => choicesOf(topology), [topology]);
  useLayoutEffect(() => first.current?.focus(), []);
  const change = (part: Partial<Filter>): void => navigate(filterBy(route.peek(), part), true);
  return (
    <form
      class="filter-fields"
      onSubmit={(event) => {
        event.preventDefault();
        filtering.value = false;
      }}
    >
      <Text label="Words" value={filter.text} field={first} help="Name, address, port, process, unit" onText={(text) => change({ text })} />
      <Text label="Node" value={filter.name} help="Part of its name" onText={(name) => change({ name })} />
      <Select label="Process" value={filter.process} options={processes.map((p) => [p, p])} onChoose={(process) => change({ process })} />
      <Select label="Group" value={filter.group} options={groups} onChoose={(group) => change({ group })} />
      <label class="option">
        <input type="checkbox" checked={filter.trouble} onChange={() => change({ trouble: !filter.trouble })} />
        <span>
          Only trouble, and what is around it <kbd>x</kbd>
        </span>
      </label>
      <label class="option">
        <input type="checkbox" checked={route.value.vanished} onChange={() => navigate({ ...route.peek(), vanished: !route.peek().vanished }, true)} />
        <span>
          Show what vanished
          <span class="small ink3">For ten minutes, at its place</span>
        </span>
      </label>
      <label class="option">
        <input type="checkbox" checked={route.value.drift} onChange={() => navigate({ ...route.peek(), drift: !route.peek().drift }, true)} />
        <span>
          Mark drift
          <span class="small ink3">What is not as declared</span>
        </span>
      </label>
      <div class="filter-foot">
        <button type="button" class="plain" disabled={!isFiltered(filter)} onClick={() => change(NO_FILTER)}>
          Clear filter
        </button>
        <button type="submit">Done</button>
      </div>
    </form>
  );
}

interface TextProps {
  label: string;
  value: string;
  help: string;
  field?: { current: HTMLInputElement | null };
  onText: (text: string) => void;
}

function Text({ label, value, help, field, onText }: TextProps) {
  return (
    <label class="filter-field">
      <span>{label}</span>
      <input ref={field ?? null} class="find" type="text" value={value} maxLength={255} placeholder={help} autocomplete="off" onInput={(event) => onText(event.currentTarget.value)} />
    </label>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, title: string])[];
  onChoose: (value: string) => void;
}

/** What a link asks for stays a choice, even where the chart has none of it. */
function Select({ label, value, options, onChoose }: SelectProps) {
  const foreign = value !== '' && !options.some(([v]) => v === value);
  return (
    <label class="filter-field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">any</option>
        {foreign && <option value={value}>{value}</option>}
        {options.map(([v, title]) => (
          <option key={v} value={v}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The names of groups too: a group that is a lane has no box. */
export function namerOf(topology: Topology): (id: string) => string {
  const named = knownAs(topology);
  return (id) => topology.lanes?.find((l) => l.id === id && id !== '')?.title || named(id);
}

/** What the chart is narrowed to, how far around, and the way back; nothing where it shows all. */
export function FilterLine({ topology, kept }: { topology: Topology; kept: Kept | null }) {
  const { route, navigate } = useApp();
  const { filter } = route.value;
  if (!kept) return null;
  const named = namerOf(topology);
  const nothing = nothingLine(kept, filter, named);
  const set = (part: Partial<Filter>): void => navigate(filterBy(route.peek(), part), true);
  return (
    <div class={`filter-line${nothing ? ' nothing-kept' : ''}`}>
      <span role="status">{nothing || `${figure(kept.boxes.size)} of ${plural(topology.nodes.size, 'box', 'boxes')}: ${askedFor(filter, named)}`}</span>
      {reaches(filter) && !nothing && <HopChoice hops={filter.hops} onHops={(hops) => set({ hops })} />}
      <button type="button" class="plain" onClick={() => set(NO_FILTER)}>
        <Icon name="close" /> Clear filter
      </button>
    </div>
  );
}

function HopChoice({ hops, onHops }: { hops: Hops; onHops: (hops: Hops) => void }) {
  return (
    <span class="segments" role="group" aria-label="Hops around it">
      {HOPS.map((n) => (
        <button key={n} type="button" aria-pressed={hops === n} title={`${plural(n, 'hop')} around (${n})`} onClick={() => onHops(n)}>
          {n}
        </button>
      ))}
    </span>
  );
}
