import { useEffect, useRef, useState } from 'preact/hooks';
import { API_BASE, problemOf } from '../api/client';
import { useApp } from '../app';
import { capital } from '../lib/format';
import { FORMATS, type Format, exportLine, exportPath } from '../state/export';
import { CopyLink } from './Command';
import { namerOf } from './Filter';
import { saveChart } from './save';

/** The formats that the chart can be saved in, each with a link that others can embed. */
export function Formats() {
  const app = useApp();
  const { route, shown, exporting, prefs, session } = app;
  const first = useRef<HTMLButtonElement>(null);
  const topology = shown.value;
  const { busy, saved, problem } = exporting.value;
  useEffect(() => first.current?.focus(), []);
  return (
    <div class="formats">
      <p class="small ink2">{exportLine(route.value, topology ? namerOf(topology) : String, prefs.utc.value)}</p>
      <ul>
        {FORMATS.map(([format, title, use], i) => (
          <li key={format}>
            <button type="button" class="plain format" ref={i === 0 ? first : null} disabled={busy !== ''} onClick={() => void saveChart(app, format)}>
              <b>{title}</b> <span class="small ink3">{busy === format ? 'is being written' : use}</span>
            </button>
            <CopyLink to={`${API_BASE}/${exportPath(format, route.value)}`} of={title} />
          </li>
        ))}
      </ul>
      <p class="small ink3">{route.value.at ? 'A link shows this moment.' : 'A link shows the chart as it is whenever it is asked for: in a wiki, on a dashboard.'}</p>
      <div role="status">{saved && <p class="small">{saved} is saved.</p>}</div>
      <div role="alert">{problem && <p class="error">{capital(problem.detail || problem.title)}</p>}</div>
      {session.mayAdmit.value && <EmbedLink />}
    </div>
  );
}

const LIVES: readonly (readonly [string, string])[] = [
  ['', 'Until it is ended'],
  ['8760h', 'For a year'],
  ['2160h', 'For 90 days'],
  ['720h', 'For 30 days'],
];

/** A link that shows this chart, as it is seen, to whoever has it: for an image on a page of others. */
function EmbedLink() {
  const { client, route } = useApp();
  const [name, setName] = useState('');
  const [format, setFormat] = useState<Format>('svg');
  const [life, setLife] = useState('');
  const [made, setMade] = useState('');
  const [problem, setProblem] = useState('');
  const make = async (): Promise<void> => {
    setProblem('');
    try {
      const query = exportPath(format, route.peek()).split('?')[1] ?? '';
      const { link = '' } = await client.createAPIToken({ name: name.trim(), role: 'viewer', ...(life ? { expires_in: life } : {}), embed: { formats: [format], query } });
      const { pathname, search } = new URL(link, location.href);
      setMade(`${location.origin}${pathname}${search}`);
    } catch (error) {
      const { detail, title } = problemOf(error);
      setProblem(capital(detail || title));
    }
  };
  return (
    <details class="embed">
      <summary>Link for embedding</summary>
      <p class="small ink2">An image on another page, such as a wiki, needs no login with it. Whoever has the link sees this chart, and nothing else; Settings lists it and ends it.</p>
      {made ? (
        <>
          <input class="find" readOnly aria-label="The link, shown this once" value={made} onFocus={(event) => event.currentTarget.select()} />
          <CopyLink to={made} />
          <p class="small ink3">Shown this once.</p>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void make();
          }}
        >
          <input class="find" type="text" aria-label="What the link is for" placeholder="What it is for" maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          <select aria-label="Format" value={format} onChange={(event) => setFormat(event.currentTarget.value as Format)}>
            {FORMATS.map(([f, title]) => (
              <option key={f} value={f}>
                {title}
              </option>
            ))}
          </select>
          <select aria-label="How long it is good" value={life} onChange={(event) => setLife(event.currentTarget.value)}>
            {LIVES.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
          <button type="submit" disabled={name.trim() === ''}>
            Make the link
          </button>
        </form>
      )}
      <div role="alert">{problem && <p class="error">{problem}</p>}</div>
    </details>
  );
}
