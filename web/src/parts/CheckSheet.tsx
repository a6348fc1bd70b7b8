import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useApp } from '../app';
import { problemOf } from '../api/client';
import type { Check, Problem, Source } from '../api/types';
import { capital, goDuration } from '../lib/format';
import { badgesOf, byWord, isBad, placeOf, safeLink } from '../state/checks';
import { evidenceOf } from '../state/mapping';
import { useResource } from '../state/resource';
import { formatRoute, showCheck, showOnChart } from '../state/route';
import { type Namer, knownAs } from '../state/topology';
import { Badges, CheckIcon, type Known, aboutWord, checkTitle } from './Checks';
import { Correct } from './Correct';
import { Dialog } from './Dialog';
import { Fact } from './Fact';
import { useCheckTurns } from './news';
import { ProblemNote } from './Problem';
import { Age, Since } from './Time';

/** What a check says goes on without the chart changing: read again this often, ms. */
const AGAIN_MS = 5_000;

/** The check that the link names, in full above whatever page is shown. */
export function CheckSheet() {
  const { client, route, navigate } = useApp();
  const { check: id, at } = route.value;
  const turn = useCheckTurns(AGAIN_MS);
  const { data, problem, reload } = useResource(`check ${id} ${at}`, turn, (s) => client.checks({ id }, s));
  const [correcting, setCorrecting] = useState('');
  const close = (): void => navigate(showCheck(route.value, ''), true);
  const check = data?.checks[0];
  if (!data && !problem) return null;
  if (!check) {
    return (
      <Dialog title={problem ? 'This check can’t be read' : 'There is no such check'} onClose={close}>
        {problem ? <ProblemNote problem={problem} onRetry={reload} /> : <p class="ink2">{at ? 'There was none at this moment.' : 'Its monitoring system tells of it no more, its source was removed, or it was stale for too long.'}</p>}
      </Dialog>
    );
  }
  if (correcting === id) {
    return (
      <Correct
        key={id}
        check={check}
        onClose={() => setCorrecting('')}
        onSaved={() => {
          setCorrecting('');
          reload();
        }}
      />
    );
  }
  return <CheckDialog key={id} check={check} onClose={close} onCorrect={() => setCorrecting(id)} />;
}

interface Props {
  check: Check;
  onClose: () => void;
  onCorrect: () => void;
}

/** All that is known of a check, and the ways on. */
function CheckDialog({ check, onClose, onCorrect }: Props) {
  const { feed, route } = useApp();
  const topology = feed.topology.value;
  const named = knownAs(topology);
  return (
    <Dialog title={checkTitle(check, named)} onClose={onClose} class="check-sheet">
      <p class="verdict">
        <CheckIcon check={check} size={16} silent /> <b>{check.status}</b> {check.since && <Since at={check.since} />} <Badges check={check} />
      </p>
      {check.output ? <pre class="output">{check.output}</pre> : <p class="ink3">It says nothing.</p>}
      <dl class="facts">
        <About check={check} topology={topology} named={named} onCorrect={route.value.at ? null : onCorrect} />
        <Fact name="Source">
          {check.source}, as {check.host}
          {check.name ? ` / ${check.name}` : ''}
        </Fact>
        <Times check={check} />
        {(check.groups ?? []).length > 0 && <Fact name="Groups">{(check.groups ?? []).join(', ')}</Fact>}
        {badgesOf(check).map(({ word, means }) => (
          <Fact key={word} name={capital(word)}>
            {means}
          </Fact>
        ))}
      </dl>
      <Ways check={check} />
    </Dialog>
  );
}

interface AboutProps {
  check: Check;
  topology: Known;
  named: Namer;
  /** Null where it can't be corrected. */
  onCorrect: (() => void) | null;
}

/** What it is about, why, and the way to say otherwise. */
function About({ check, topology, named, onCorrect }: AboutProps) {
  const { route, session } = useApp();
  const on = placeOf(check);
  const candidates = check.mapping?.candidates ?? [];
  return (
    <>
      <Fact name="Is about">
        {on ? <a href={formatRoute(showOnChart(route.value, on))}>{aboutIn(check, topology, named)}</a> : 'no node that is known'}
      </Fact>
      <Fact name="Why">
        {evidenceOf(check)}. <span class="chip">{byWord(check)}</span>
        {candidates.length > 0 && <div class="ink3">It could be about {candidates.map((id) => aboutWord({ ...check, service: id }, topology)).join(', ')}.</div>}
        {onCorrect && session.mayChange.value && (
          <div class="correct-way">
            <button type="button" onClick={onCorrect}>
              {on && !check.mapping?.ambiguous ? 'Correct' : 'Choose what it is about'}
            </button>
          </div>
        )}
      </Fact>
    </>
  );
}

function aboutIn(check: Check, topology: Known, named: Namer): ComponentChildren {
  const node = named(check.node ?? '');
  return check.service ? `${aboutWord(check, topology)} on ${node}` : `${node} as a whole`;
}

/** When it was checked, and when it was fine: trouble began between the last of those and the first that was not. */
function Times({ check }: { check: Check }) {
  return (
    <>
      <Fact name="Last checked">
        {check.last_check ? <Age at={check.last_check} /> : 'not known'}
        {check.interval ? `, every ${goDuration(check.interval)}` : ''}
      </Fact>
      {isBad(check.status) && (
        <Fact name="Last fine">{check.last_ok ? <Age at={check.last_ok} /> : <span class="ink3">not known</span>}</Fact>
      )}
    </>
  );
}

/** Out to its own page, and to say that somebody takes care. */
function Ways({ check }: { check: Check }) {
  const { sources, route, session } = useApp();
  const source = sources.value.find((s) => s.name === check.source);
  const link = safeLink(check.link);
  const may = Boolean(source?.acknowledges) && session.mayChange.value && !route.value.at && isBad(check.status) && !check.acknowledged && !check.stale;
  if (!link && !may) return null;
  return (
    <div class="buttons start">
      {link && (
        <a class="button" href={link} target="_blank" rel="noopener noreferrer">
          Open in {check.source}
        </a>
      )}
      {may && source && <Acknowledge check={check} source={source} />}
    </div>
  );
}

/** Tells the monitoring system that somebody takes care. The button says what it does, and where. */
function Acknowledge({ check, source: { name, acknowledges = '' } }: { check: Check; source: Pick<Source, 'name' | 'acknowledges'> }) {
  const { client } = useApp();
  const [state, setState] = useState<'' | 'asking' | 'busy'>('');
  const [comment, setComment] = useState('');
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const does = acknowledges.startsWith('silences') ? `Silence in ${name}` : `Acknowledge in ${name}`;
  const go = async (): Promise<void> => {
    setState('busy');
    setProblem(null);
    try {
      setSaid((await client.acknowledge(check.id, comment)).did);
      setState('');
    } catch (error) {
      setProblem(problemOf(error));
      setState('asking');
    }
  };
  if (said) {
    return (
      <p role="status" class="ink2">
        {capital(said)}. It shows here as soon as {name} tells so.
      </p>
    );
  }
  if (!state) {
    return (
      <button type="button" title={capital(acknowledges)} onClick={() => setState('asking')}>
        {does}…
      </button>
    );
  }
  return (
    <form
      class="acknowledge"
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
    >
      <p class="small ink2">{capital(acknowledges)}.</p>
      <input class="find" aria-label="Comment" placeholder="Comment" maxLength={1024} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
      <button type="submit" class="strong" disabled={state === 'busy'}>
        {does}
      </button>
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
    </form>
  );
}
