import { useEffect, useRef } from 'preact/hooks';
import { API_BASE } from '../api/client';
import { useApp } from '../app';
import { capital } from '../lib/format';
import { FORMATS, exportLine, exportPath, notExported } from '../state/export';
import { CopyLink } from './Command';
import { namerOf } from './Filter';
import { saveChart } from './save';

/** The formats that the chart can be saved in, each with a link that others can embed. */
export function Formats() {
  const app = useApp();
  const { route, shown, exporting, prefs } = app;
  const first = useRef<HTMLButtonElement>(null);
  const topology = shown.value;
  const { busy, saved, problem } = exporting.value;
  const left = notExported(route.value.filter);
  useEffect(() => first.current?.focus(), []);
  return (
    <div class="formats">
      <p class="small ink2">{exportLine(route.value, topology ? namerOf(topology) : String, prefs.utc.value)}</p>
      {left && <p class="small ink3">What the chart is narrowed to by {left} is not followed: files don’t fade.</p>}
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
    </div>
  );
}
