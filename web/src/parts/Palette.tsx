import { effect } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type App, useApp } from '../app';
import { showCheck, showNode, showOnChart } from '../state/route';
import { type Action, type Hit, search } from '../state/search';
import type { Check } from '../api/types';
import { signOf, signOfCheck } from '../state/checks';
import { shapeOf, stateOf } from './shapes';
import { StateIcon } from './StateIcon';

interface Props {
  actions: readonly (Action & { run: () => void })[];
}

/**
 * Search and go to: every node, service and command, by typing. The dialog and its
 * input always are in the page, and open within the key press that asks for them:
 * whatever is typed after it lands in the input, painted or not.
 */
export function Palette({ actions }: Props) {
  const { dialog, feed } = useApp();
  const element = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const [index, setIndex] = useState<number | null>(null);
  const go = useGo(actions);
  const open = dialog.value === 'search';
  const topology = feed.topology.value;
  const checks = useChecks(open ? query : '');
  const hits = useMemo(() => (open ? search(topology, actions, query, checks) : []), [open, topology, actions, query, checks]);
  const at = Math.min(index ?? 0, hits.length - 1);
  const ask = (text: string): void => {
    setQuery(text);
    setIndex(null);
  };
  const show = (): void => {
    if (dialog.value !== 'search') {
      element.current?.close();
      // The browser may leave the focus in the hidden input for a moment, which
      // would swallow the next key.
      input.current?.blur();
      return;
    }
    if (input.current) input.current.value = '';
    ask('');
    element.current?.showModal();
    input.current?.focus();
  };
  // A plain effect: those of components wait for the next frame.
  useLayoutEffect(() => effect(show), []);
  usePreview(open && (index !== null || query !== '') ? hits[at] : undefined, element);

  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && hits.length > 0) {
      event.preventDefault();
      setIndex((at + step + hits.length) % hits.length);
    }
    if (event.key === 'Escape') {
      // The dialog's own close event comes later: a key before it would be lost.
      event.preventDefault();
      dialog.value = '';
    }
    if (event.key !== 'Enter') return;
    event.preventDefault();
    // Enter may come before the list of what was typed is there.
    const typed = input.current?.value ?? '';
    const hit = open && typed === query ? hits[at] : search(feed.topology.peek(), actions, typed, checks)[0];
    go(hit, event.ctrlKey || event.metaKey);
  };

  return (
    <dialog
      ref={element}
      class="palette"
      aria-label="Search or go to"
      onClose={() => {
        if (dialog.peek() === 'search' && !element.current?.open) dialog.value = '';
      }}
      onClick={(event) => event.target === element.current && element.current?.close()}
    >
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-expanded={open}
        aria-controls="palette-hits"
        aria-activedescendant={hits[at] ? `hit-${at}` : ''}
        aria-label="Name, address, port, check or command"
        placeholder="Name, address, port, check or command"
        onInput={(event) => ask(event.currentTarget.value)}
        onKeyDown={onKey}
      />
      {open && hits.length === 0 && <p class="nothing">Nothing matches {query}.</p>}
      <Hits hits={hits} checks={checks} at={at} query={query} onMove={setIndex} onOpen={go} />
    </dialog>
  );
}

/** So many checks are asked for, of which the best are shown. */
const CHECKS_ASKED = 50;

/** A pause in typing after which checks are asked for, ms. */
const PAUSE_MS = 150;

/** The checks that words may mean: what is open is at hand, the rest is asked for. */
function useChecks(query: string): readonly Check[] {
  const { client, alerts, sources } = useApp();
  const [found, setFound] = useState<readonly Check[]>([]);
  const words = sources.value.length > 0 ? query.trim() : '';
  useEffect(() => {
    setFound([]);
    if (words.length < 2) return undefined;
    const abort = new AbortController();
    // Without an answer there still is what is open.
    const ask = (): void => void client.checks({ find: words, limit: CHECKS_ASKED }, abort.signal).then((list) => setFound(list.checks), () => undefined);
    const timer = setTimeout(ask, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [words]);
  return useMemo(() => [...alerts.value, ...found.filter((c) => !alerts.value.some((a) => a.id === c.id))], [alerts.value, found]);
}

/** The node that a hit is, or is on; '' where it is on none. */
function nodeOf(app: App, hit: Hit): string {
  return hit.kind === 'node' ? hit.id : (app.feed.topology.peek()?.services.get(hit.id)?.node ?? '');
}

/** Runs a hit: an action, the selection on the chart, or with `page` the node's page. */
function useGo(actions: Props['actions']): (hit: Hit | undefined, page: boolean) => void {
  const app = useApp();
  const { feed, route, navigate, dialog, chart } = app;
  return (hit, page) => {
    if (!hit) return;
    chart.preview('');
    dialog.value = '';
    if (hit.kind === 'action') {
      actions.find((a) => a.id === hit.id)?.run();
      return;
    }
    if (hit.kind === 'check') {
      navigate(showCheck(route.value, hit.id));
      return;
    }
    const node = nodeOf(app, hit);
    if (page) {
      navigate(showNode(route.value, node));
      return;
    }
    app.byKeyboard.value = false;
    navigate(showOnChart(route.value, { kind: hit.kind, id: hit.id }));
    if (feed.topology.peek()?.nodes.has(node)) chart.focusOn(node);
  };
}

/** The chart behind the dialog shows the hit; without one it is as it was before. */
function usePreview(hit: Hit | undefined, cover: { readonly current: HTMLElement | null }): void {
  const app = useApp();
  useEffect(() => {
    if (hit) app.chart.preview(nodeOf(app, hit), hit.id, cover.current?.getBoundingClientRect());
    else app.chart.preview('');
  }, [hit?.kind, hit?.id]);
  useEffect(() => () => app.chart.preview(''), []);
}

interface HitsProps {
  hits: readonly Hit[];
  checks: readonly Check[];
  at: number;
  query: string;
  onMove: (to: number) => void;
  onOpen: (hit: Hit, page: boolean) => void;
}

function Hits({ hits, checks, at, query, onMove, onOpen }: HitsProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  return (
    <ul ref={list} id="palette-hits" role="listbox" aria-label="Results">
      {hits.map((hit, i) => (
        <>
          {hits[i - 1]?.section !== hit.section && (
            <li key={hit.section} class="section" role="presentation">
              <h3>{hit.section}</h3>
            </li>
          )}
          <li
            key={`${hit.kind} ${hit.id}`}
            id={`hit-${i}`}
            class="hit"
            role="option"
            aria-selected={i === at}
            onPointerMove={() => onMove(i)}
            onClick={(event) => onOpen(hit, event.ctrlKey || event.metaKey)}
          >
            <HitState hit={hit} checks={checks} />
            <span class="name">
              <Matched text={hit.title} query={query} />
            </span>
            {hit.kind === 'action' ? hit.aside && <kbd>{hit.aside}</kbd> : <span class="aside">{hit.aside}</span>}
          </li>
        </>
      ))}
    </ul>
  );
}

function HitState({ hit, checks }: { hit: Hit; checks: readonly Check[] }) {
  const { feed } = useApp();
  const service = hit.kind === 'service' ? feed.topology.value?.services.get(hit.id) : undefined;
  const node = hit.kind === 'node' ? feed.topology.value?.nodes.get(hit.id) : undefined;
  const check = hit.kind === 'check' ? checks.find((c) => c.id === hit.id) : undefined;
  if (check) return <StateIcon state={shapeOf(signOfCheck(check))} />;
  if (service) return <StateIcon state={stateOf(service)} />;
  return node ? <StateIcon state={shapeOf(signOf(node))} /> : null;
}

/** The matching part stands out. */
function Matched({ text, query }: { text: string; query: string }) {
  const word = query.trim().toLowerCase();
  const at = word === '' ? -1 : text.toLowerCase().indexOf(word);
  if (at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <b>{text.slice(at, at + word.length)}</b>
      {text.slice(at + word.length)}
    </>
  );
}
