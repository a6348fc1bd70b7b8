import { useEffect } from 'preact/hooks';
import { useApp } from '../app';
import { driftLine, readDrift, withDrift } from '../state/drift';
import { useResource } from '../state/resource';
import { formatRoute, goTo } from '../state/route';
import { Icon } from './Icon';

/** Marks on the chart what differs from what is declared, and says how much that is. */
export function DriftLine() {
  const { client, feed, route, navigate, marker } = useApp();
  const { at, hide, from } = route.value;
  const turn = at ? '' : (feed.topology.value?.revision ?? '');
  const { data: found, problem } = useResource(`drift ${at} ${hide.join()}`, turn, (s) => readDrift(client, hide, s));
  const nothing = found === 'undeclared';
  const data = nothing ? null : found;
  useEffect(() => {
    marker.value = data ? (topology) => withDrift(topology, data) : null;
  }, [data]);
  useEffect(() => () => void (marker.value = null), []);
  const said = from ? 'Beside another moment drift is not marked.' : data ? driftLine(data) : nothing ? 'Nothing is declared yet.' : problem ? problem.detail || problem.title : '';
  if (!said) return null;
  return (
    <div class="filter-line drift-line">
      <span role="status">
        <b>Drift: </b>
        {said}
      </span>
      <a href={formatRoute(goTo(route.value, 'drift'))}>{nothing ? 'Declare' : 'List'}</a>
      <button type="button" class="plain" onClick={() => navigate({ ...route.peek(), drift: false }, true)}>
        <Icon name="close" /> Close
      </button>
    </div>
  );
}
