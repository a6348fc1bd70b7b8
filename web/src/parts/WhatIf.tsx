import { useEffect, useRef, useState } from 'preact/hooks';
import { useApp } from '../app';
import type { Check, IncidentRef, Service, WhatIf } from '../api/types';
import { figure, plural } from '../lib/format';
import { USE_DAYS, useWhatIf } from './chosen';
import { type Place, placesFor } from '../state/places';
import { useResource } from '../state/resource';
import { MOST_OF, type Question, ask, formatRoute } from '../state/route';
import { knownAs } from '../state/topology';
import { CopyLink } from './Command';
import { Dialog } from './Dialog';
import { Effects } from './Effects';
import { Icon } from './Icon';
import { NodeName } from './NodeName';
import { SHOWN } from './PanelParts';
import { ProblemNote } from './Problem';
import type { StateName } from './shapes';
import { Age } from './Time';
import '../views/incidents.css';

/** What is asked, as the page calls it. */
const TITLES: Readonly<Record<Question, string>> = { fails: 'What if this fails?', needs: 'Who needs this?' };

/** Away from the chart what is asked stands above the page. */
export function WhatIfDialog() {
  const { route, navigate } = useApp();
  const { question } = route.value;
  return (
    <Dialog title={TITLES[question || 'fails']} onClose={() => navigate(ask(route.peek(), ''), true)} class="what-if">
      <WhatIfBody />
    </Dialog>
  );
}

/** Beside the chart, which shows the same. */
export function WhatIfPanel() {
  const { route, navigate } = useApp();
  const { question } = route.value;
  return (
    <section class="what-if">
      <div class="panel-title">
        <h2>{TITLES[question || 'fails']}</h2>
        <button type="button" class="plain" aria-label="Close" title="Close (Esc)" onClick={() => navigate(ask(route.value, ''))}>
          <Icon name="close" />
        </button>
      </div>
      <WhatIfBody />
    </section>
  );
}

function WhatIfBody() {
  const { route, navigate } = useApp();
  const { question, of } = route.value;
  const [days, setDays] = useState<number>(USE_DAYS);
  const { data, problem, reload } = useWhatIf(days);
  return (
    <>
      <div class="segments" role="group" aria-label="What is asked">
        {(['fails', 'needs'] as const).map((q) => (
          <button key={q} type="button" aria-pressed={q === question} onClick={() => navigate(ask(route.value, q, of), true)}>
            {TITLES[q]}
          </button>
        ))}
      </div>
      <Asked data={data} />
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && (question === 'needs' ? <Needs data={data} days={days} onDays={setDays} /> : <Falls data={data} />)}
      <div class="buttons start">
        <CopyLink to={formatRoute(route.value)} />
      </div>
    </>
  );
}

/** What fails together, and the field that adds to it. */
function Asked({ data }: { data: WhatIf | null }) {
  const { route, navigate, feed } = useApp();
  const { question, of } = route.value;
  const named = knownAs(feed.topology.value);
  const set = (next: readonly string[]): void => navigate(ask(route.peek(), question || 'fails', next), true);
  // Of one that was asked for a service or a node is answered, or a few services of one port.
  const name = (id: string): string => data?.of.find((r) => r.component === id)?.name ?? named(id);
  return (
    <div class="asked">
      <ul class="chips" aria-label="What fails">
        {of.map((id) => (
          <li key={id} class="chip">
            {name(id)}
            <button type="button" class="plain" aria-label={`Without ${name(id)}`} onClick={() => set(of.filter((o) => o !== id))}>
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {of.length < MOST_OF && <Adding known={of} onAdd={(id) => set([...of, id])} />}
    </div>
  );
}

/** Finds another node or service by its name, process or port. */
function Adding({ known, onAdd }: { known: readonly string[]; onAdd: (id: string) => void }) {
  const { client } = useApp();
  const [query, setQuery] = useState('');
  const [wanted, setWanted] = useState(false);
  const [at, setAt] = useState(0);
  const nodes = useResource(`nodes ${wanted}`, '', (s) => (wanted ? client.nodes(s) : Promise.resolve({ nodes: [] })));
  const services = useResource(`services ${wanted}`, '', (s) => (wanted ? client.services(s) : Promise.resolve({ services: [] as Service[] })));
  const input = useRef<HTMLInputElement>(null);
  const hits = placesFor(nodes.data?.nodes ?? [], services.data?.services ?? [], query, known);
  useEffect(() => setAt(0), [query]);
  const add = (place: Place | undefined): void => {
    if (!place) return;
    setQuery('');
    onAdd(place.id);
    input.current?.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && hits.length > 0) {
      event.preventDefault();
      setAt((at + step + hits.length) % hits.length);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      add(hits[at]);
    } else if (event.key === 'Escape' && query !== '') {
      // The first one empties the field, the next one closes.
      event.preventDefault();
      event.stopPropagation();
      setQuery('');
    } else if (event.key === 'Escape' && !input.current?.closest('dialog')) input.current?.blur();
  };
  useEffect(() => {
    if (known.length === 0) input.current?.focus();
  }, []);
  return (
    <div class="adding">
      <input
        ref={input}
        class="find"
        type="text"
        role="combobox"
        aria-expanded={hits.length > 0}
        aria-controls="adding-hits"
        aria-activedescendant={hits[at] ? `adding-${at}` : ''}
        aria-label={known.length > 0 ? 'What fails with it: name, process or :port' : 'What fails: name, process or :port'}
        placeholder={known.length > 0 ? 'and with it: name, process, :port' : 'Node, process or :port'}
        autocomplete="off"
        spellcheck={false}
        value={query}
        onFocus={() => setWanted(true)}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={onKey}
      />
      {hits.length > 0 && (
        <ul id="adding-hits" role="listbox" aria-label="Nodes and services">
          {hits.map((hit, i) => (
            <li key={hit.id} id={`adding-${i}`} role="option" aria-selected={i === at} onPointerMove={() => setAt(i)} onClick={() => add(hit)}>
              <span class="name">{hit.title}</span>
              <span class="ink3">{hit.aside}</span>
            </li>
          ))}
        </ul>
      )}
      {query.trim() !== '' && hits.length === 0 && services.data && <p class="small ink3">Nothing else matches {query}.</p>}
    </div>
  );
}

/** The worst that is open of a component; what is in trouble and not open is taken care of. */
function worstAlert(alerts: readonly Check[], { service, node }: IncidentRef): StateName {
  // They stand the worst first.
  const found = alerts.find((c) => (service ? c.service === service : c.node === node && !c.service));
  return found ? (found.signal ? 'SIGNAL' : found.status) : 'HANDLED_CRITICAL';
}

/** What would fail, how surely, and what stands in. */
function Falls({ data }: { data: WhatIf }) {
  const { alerts } = useApp();
  const { confirmed, predicted, possible, spared, more } = data;
  const [sentence] = data.text ?? [];
  return (
    <>
      <p class="ink2">{sentence}</p>
      <Effects title="Confirmed" aside="needs it, and is in trouble" state={(ref) => worstAlert(alerts.value, ref)} effects={confirmed ?? []} />
      <Effects title="Predicted" aside="would fail next" state="PREDICTED" effects={predicted ?? []} none="Nothing would surely fail with it, by the connections that were seen." />
      <Effects title="Possible" aside="may fail; nothing says how likely" state="NONE" effects={possible ?? []} />
      <Effects title="Not affected" aside="something stands in" state="OK" effects={spared ?? []} />
      {more ? <p class="small ink3">and {figure(more)} more</p> : null}
      <p class="small ink3">It follows from the connections that were seen, not from a try. What failed before, and who needs what only at times, may differ.</p>
    </>
  );
}

const DAYS = [7, 30, 400] as const;

/** Who was seen to use it, and how much of the time was seen. */
function Needs({ data, days, onDays }: { data: WhatIf; days: number; onDays: (days: number) => void }) {
  const [all, setAll] = useState(false);
  const users = data.users ?? [];
  const shown = all ? users : users.slice(0, SHOWN);
  const left = users.length - shown.length;
  const more = data.more_users ?? 0;
  const [, sentence] = data.text ?? [];
  return (
    <section class="uses">
      <div class="segments" role="group" aria-label="How far back">
        {DAYS.map((n) => (
          <button key={n} type="button" aria-pressed={n === days} onClick={() => onDays(n)}>
            {n} days
          </button>
        ))}
      </div>
      <p class="ink2">{sentence}</p>
      {shown.length > 0 && (
        <ul class="list">
          {shown.map((u) => (
            <li key={`${u.node} ${u.process} ${u.service}`}>
              <span class="item">
                <span class="name">
                  <NodeName name={u.node} /> <span class="ink3">{u.process}</span>
                </span>
                <span class="ink3">
                  <Age at={u.last} />
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {left > 0 && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          and {plural(left + more, 'more', 'more')}
        </button>
      )}
      {left === 0 && more > 0 && <p class="small ink3">and {plural(more, 'more', 'more')}</p>}
      {users.length > 0 && <p class="small ink3">Standby, yearly and short connections may be missed.</p>}
    </section>
  );
}
