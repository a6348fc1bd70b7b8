import { useApp } from '../app';
import { type PathBox, refLines, shortened, wayTo } from '../state/incidents';
import { formatRoute } from '../state/route';
import { StateIcon } from './StateIcon';

/** How the trouble travels: from the client that is furthest away to the likely cause. On narrow screens a chain down the page. */
export function IncidentPath({ path, most }: { path: readonly PathBox[]; most: number }) {
  if (path.length < 2) return null;
  const { boxes, out } = shortened(path, most);
  return (
    <figure class="path" aria-label="The path from client to likely cause">
      <div class="path-ends" aria-hidden="true">
        <span>client</span>
        <span>server</span>
      </div>
      <ol>
        {boxes.map((box, i) => (
          <Box key={box.ref.component} box={box} skipped={i === 1 ? out : 0} />
        ))}
      </ol>
      <figcaption class="trouble-way">
        <span>trouble travels from server to client</span>
      </figcaption>
    </figure>
  );
}

/** The same in one line, for little room: the names alone. */
export function PathChain({ path }: { path: readonly PathBox[] }) {
  if (path.length < 2) return null;
  const { boxes, out } = shortened(path);
  return (
    <ol class="chain" aria-label="The path from client to likely cause">
      {boxes.map(({ ref, status, cause }, i) => (
        <>
          {i === 1 && out > 0 && (
            <li key="out" class="skipped" aria-label={`${out} more between`}>
              +{out}
            </li>
          )}
          <li key={ref.component} class={`link${cause ? ' cause' : ''}${status ? ' bad' : ''}`}>
            {status && <StateIcon state={status} size={12} />}
            <span>{refLines(ref).title}</span>
          </li>
        </>
      ))}
    </ol>
  );
}

function Box({ box, skipped }: { box: PathBox; skipped: number }) {
  const { route } = useApp();
  const { ref, by, status, cause } = box;
  const { title, detail } = refLines(ref);
  const way = wayTo(route.value, ref);
  return (
    <>
      {skipped > 0 && (
        <li class="skipped" aria-label={`${skipped} more between`}>
          +{skipped}
        </li>
      )}
      <li class={`step${cause ? ' cause' : ''}${status ? ' bad' : ''} ${by}`}>
        {by && <span class="needs">{by === 'on' ? 'runs on' : 'calls'}</span>}
        <span class="path-box">
          <b>{way ? <a href={formatRoute(way)}>{title}</a> : title}</b>
          {detail && <span class="mono small ink2">{detail}</span>}
          <span class="small path-state">{status ? <><StateIcon state={status} size={12} silent /> {status}</> : <span class="ink3">no alert of its own</span>}</span>
        </span>
      </li>
    </>
  );
}
