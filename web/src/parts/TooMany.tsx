import { useApp } from '../app';
import { figure } from '../lib/format';
import { filterBy } from '../state/route';
import type { Topology } from '../state/topology';
import { Icon } from './Icon';

/** A chart of more boxes than can be read: that is said, with the ways to fewer. */
export function TooMany({ topology }: { topology: Topology }) {
  const { route, navigate, dialog } = useApp();
  const to = (level: 'pool' | 'group') => (): void => navigate({ ...route.value, level, selection: null });
  return (
    <div class="filter-line too-many">
      <span role="status">{figure(topology.nodes.size)} boxes are more than can be read at once.</span>
      <button type="button" onClick={to('pool')}>
        As pools
      </button>
      <button type="button" onClick={to('group')}>
        As groups
      </button>
      <button type="button" onClick={() => navigate(filterBy(route.value, { trouble: true }))}>
        Only trouble
      </button>
      <button type="button" onClick={() => (dialog.value = 'search')}>
        <Icon name="search" /> Find one
      </button>
    </div>
  );
}
